// Program pipe serves named pipes of Windows, as an engine does, and hands each
// connection on to an address: pipe NAME ADDRESS [NAME ADDRESS …]. It says
// "ready" once all are there.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	for i := 1; i+1 < len(os.Args); i += 2 {
		name, address := os.Args[i], os.Args[i+1]
		next, err := listen(name)
		if err != nil {
			fail(name, err)
		}
		go func() {
			for {
				pipe, err := next()
				if err != nil {
					fail(name, err)
				}
				go relay(pipe, address)
			}
		}()
	}
	fmt.Println("ready")
	select {}
}

func fail(name string, err error) {
	fmt.Println(name, err)
	os.Exit(2)
}

func relay(pipe io.ReadWriteCloser, address string) {
	defer pipe.Close()
	c, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer c.Close()
	go func() {
		_, _ = io.Copy(c, pipe)
		c.Close()
	}()
	_, _ = io.Copy(pipe, c)
}
