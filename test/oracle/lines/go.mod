module github.com/winmatch/winmatch/test/oracle/lines

go 1.26

require github.com/opencontainers/image-spec v1.0.1

require github.com/opencontainers/go-digest v1.0.0 // indirect
