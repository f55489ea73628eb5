module github.com/winmatch/winmatch/test/oracle/containerd

go 1.26

require (
	github.com/containerd/containerd v1.7.2
	github.com/opencontainers/image-spec v1.1.0-rc2.0.20221005185240-3a7f492d3f1b
	github.com/winmatch/winmatch/test/oracle/lines v0.0.0
)

require (
	github.com/golang/protobuf v1.5.3 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/sirupsen/logrus v1.9.0 // indirect
	golang.org/x/sys v0.7.0 // indirect
	google.golang.org/genproto v0.0.0-20230306155012-7f2fa6fef1f4 // indirect
	google.golang.org/grpc v1.53.0 // indirect
	google.golang.org/protobuf v1.29.1 // indirect
)

replace github.com/winmatch/winmatch/test/oracle/lines => ../lines
