module github.com/winmatch/winmatch

go 1.26
