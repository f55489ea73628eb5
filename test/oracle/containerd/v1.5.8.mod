module github.com/winmatch/winmatch/test/oracle/containerd

go 1.26

require (
	github.com/containerd/containerd v1.5.8
	github.com/opencontainers/image-spec v1.0.1
	github.com/winmatch/winmatch/test/oracle/lines v0.0.0
)

require (
	github.com/golang/protobuf v1.5.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/sirupsen/logrus v1.8.1 // indirect
	golang.org/x/sys v0.0.0-20210426230700-d19ff857e887 // indirect
	google.golang.org/genproto v0.0.0-20201110150050-8816d57aaa9a // indirect
	google.golang.org/grpc v1.33.2 // indirect
	google.golang.org/protobuf v1.27.1 // indirect
)

replace github.com/winmatch/winmatch/test/oracle/lines => ../lines
