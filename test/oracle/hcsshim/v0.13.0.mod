module github.com/winmatch/winmatch/test/oracle/hcsshim

go 1.26

require (
	github.com/Microsoft/hcsshim v0.13.0
	github.com/winmatch/winmatch/test/oracle/lines v0.0.0
)

require golang.org/x/sys v0.32.0 // indirect

replace github.com/winmatch/winmatch/test/oracle/lines => ../lines
