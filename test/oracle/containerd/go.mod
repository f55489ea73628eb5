// The versions that are asked are pinned by the v*.mod files beside this one.
module github.com/winmatch/winmatch/test/oracle/containerd

go 1.26
