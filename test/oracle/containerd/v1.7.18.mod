module github.com/winmatch/winmatch/test/oracle/containerd

go 1.26

require (
	github.com/containerd/containerd v1.7.18
	github.com/opencontainers/image-spec v1.1.0
	github.com/winmatch/winmatch/test/oracle/lines v0.0.0
)

require (
	github.com/Microsoft/hcsshim v0.11.5 // indirect
	github.com/containerd/errdefs v0.1.0 // indirect
	github.com/containerd/log v0.1.0 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/sirupsen/logrus v1.9.3 // indirect
	golang.org/x/sys v0.18.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20231002182017-d307bd883b97 // indirect
	google.golang.org/grpc v1.59.0 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)

replace github.com/winmatch/winmatch/test/oracle/lines => ../lines
