package image

import "testing"

func mkfifo(*testing.T, string) {}
