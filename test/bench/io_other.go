//go:build !linux

package main

// bytesRead is -1: not known here.
func bytesRead(task) (int64, error) { return -1, nil }
