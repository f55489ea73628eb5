module github.com/winmatch/winmatch/test/oracle/hcsshim

go 1.26

require (
	github.com/Microsoft/hcsshim v0.12.9
	github.com/winmatch/winmatch/test/oracle/lines v0.0.0
)

require golang.org/x/sys v0.25.0 // indirect

replace github.com/winmatch/winmatch/test/oracle/lines => ../lines
