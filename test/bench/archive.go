package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// The archive of docker save: its layers are holes of the file, which take no
// room on a disk and are as long to read as any.
const (
	savedImages = 500
	savedLayer  = 4 << 20
	runsArchive = 5
	goalRead    = 2e-2 // of the archive

)

// writeArchive writes what docker save makes of many images and returns its size.
func writeArchive(name string) (int64, error) {
	file, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	add := func(name string, size int64, content []byte) error {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		b.Write(content)
		if _, err := file.Write(b.Bytes()); err != nil {
			return err
		}
		_, err := file.Seek((size+511)/512*512-int64(len(content)), io.SeekCurrent)
		return err
	}
	var list []object
	for i := range savedImages {
		config, err := json.Marshal(object{"os": "windows", "architecture": "amd64", "os.version": fmt.Sprintf("10.0.20348.%d", 2000+i),
			"rootfs": object{"type": "layers", "diff_ids": []string{digest([]byte{byte(i), byte(i >> 8)})}}})
		if err != nil {
			return 0, err
		}
		id := digest(config)[len("sha256:"):]
		layer := fmt.Sprintf("%064x/layer.tar", i)
		if err := add(layer, savedLayer, nil); err != nil {
			return 0, err
		}
		if err := add(id+".json", int64(len(config)), config); err != nil {
			return 0, err
		}
		list = append(list, object{"Config": id + ".json", "RepoTags": []string{fmt.Sprintf("app/part%d:1", i)}, "Layers": []string{layer}})
	}
	manifest, err := json.Marshal(list)
	if err != nil {
		return 0, err
	}
	if err := add("manifest.json", int64(len(manifest)), manifest); err != nil {
		return 0, err
	}
	end, err := file.Seek(1024, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	return end, file.Truncate(end)
}

// archiveRows measures image of all images of an archive beside what else reads
// one.
func archiveRows(p programs, dir string, env []string) ([]row, error) {
	name := filepath.Join(dir, "saved.tar")
	size, err := writeArchive(name)
	if err != nil {
		return nil, err
	}
	defer os.Remove(name)
	fmt.Fprintf(os.Stderr, "image of an archive of %s: %d runs of each side\n", mb(size), runsArchive)
	ours := task{env: env, args: []string{p.winmatch, "image", "docker-archive:" + name}}
	tasks, names := []task{ours, {env: env, args: []string{"tar", "-tf", name}}}, []string{"", "tar -t"}
	if program, err := exec.LookPath("skopeo"); err == nil {
		tasks = append(tasks, task{env: env, args: []string{program, "list-tags", "docker-archive:" + name}})
		names = append(names, "skopeo list-tags")
	}
	m, err := alternate(runsArchive, tasks...)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("image of %d images, docker save of %s", savedImages, mb(size))
	rows := []row{compared(what, ms(m[0]), names[1], ms(m[1]), ratio(m[0], m[1]), 0)}
	for i := 2; i < len(tasks); i++ {
		rows = append(rows, compared("", ms(m[0]), names[i], ms(m[i]), ratio(m[0], m[i]), 0))
	}
	for i, t := range tasks {
		read, err := bytesRead(t)
		if err != nil {
			return nil, err
		}
		if read < 0 {
			break // this system does not tell
		}
		if i == 0 {
			rows = append(rows, row{"  read of it", mb(read), "", "", "", fmt.Sprintf("≤ %s", mb(int64(goalRead*float64(size)))), verdict(float64(read) <= goalRead*float64(size))})
			continue
		}
		rows[len(rows)-1][2] = join(rows[len(rows)-1][2], names[i])
		rows[len(rows)-1][3] = join(rows[len(rows)-1][3], mb(read))
	}
	return rows, nil
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
