package launch

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Open prints the URL at which this machine reaches the guestbook, and opens it in a browser if there is a desktop.
func (l Launcher) Open(ctx context.Context) error {
	p := l.parts()
	if _, ok, err := p.cloud.Running(ctx); err != nil || !ok {
		return cmp.Or(err, fmt.Errorf("no guestbook is running: run `%s` first", l.Make("up")))
	}
	if !p.nodes.Kind() {
		return fmt.Errorf("nodes are simulated, so nothing answers at the guestbook's address: `%s`, then `%s`",
			l.Make("down"), l.Make("up NODES=real"))
	}
	path, err := p.tools.CLI(ctx)
	if err != nil {
		return err
	}
	cli, err := p.stack(path)
	if err != nil {
		return err
	}
	outputs, err := cli.Outputs(ctx)
	if err != nil {
		return err
	}
	status, err := p.cloud.Status(ctx)
	if err != nil {
		return err
	}
	all := pages(outputs, status)
	if len(all) == 0 {
		return fmt.Errorf("the stack has no guestbook yet: run `%s`", l.Make("up"))
	}
	if all[0].local == "" {
		return fmt.Errorf("nothing on this machine leads to guestbook %s: %s", all[0].name, all[0].why)
	}
	p.out.Printf("%s", all[0].local)
	opener, err := exec.LookPath("xdg-open")
	if err != nil || os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil // no desktop: the URL is printed
	}
	return exec.CommandContext(ctx, opener, all[0].local).Run()
}
