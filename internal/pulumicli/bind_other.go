//go:build !linux

package pulumicli

import "os/exec"

// bindToThisProcess does nothing: only Linux ends a process with the one that started it.
func bindToThisProcess(*exec.Cmd) {}
