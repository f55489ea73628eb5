module github.com/winmatch/winmatch/test/oracle/hcsshim

go 1.26.8

require (
	github.com/Microsoft/hcsshim v0.15.0
	github.com/winmatch/winmatch/test/oracle/lines v0.0.0
)

require golang.org/x/sys v0.49.0 // indirect

replace github.com/winmatch/winmatch/test/oracle/lines => ../lines
