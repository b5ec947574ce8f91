package pulumicli

import (
	"os/exec"
	"syscall"
)

// bindToThisProcess has the command end with this process, and get an interrupt from it alone. In this process's group
// the engine would get Ctrl-C from the terminal too, and a second interrupt makes it stop at once; if it outlived this
// process, it would keep the stack locked.
func bindToThisProcess(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
