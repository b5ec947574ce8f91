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
	public, ok := outputs["url"].(string)
	if !ok {
		return fmt.Errorf("the stack has no URL yet: run `%s`", l.Make("up"))
	}
	status, err := p.cloud.Status(ctx)
	if err != nil {
		return err
	}
	page := localURL(public, status)
	p.out.Printf("%s", page)
	opener, err := exec.LookPath("xdg-open")
	if err != nil || os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil // no desktop: the URL is printed
	}
	return exec.CommandContext(ctx, opener, page).Run()
}
