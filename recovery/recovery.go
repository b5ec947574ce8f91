// Package recovery repairs a stack after a command was killed or failed half-way, so that the next `pulumi up` goes on
// where it ended, and makes nothing twice. It runs Pulumi's CLI, and asks OCI for what the state does not have.
package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/recovery/failure"
)

// Stack is what recovery asks of Pulumi's CLI, for one stack.
type Stack interface {
	Export(context.Context) ([]byte, error)
	Import(ctx context.Context, deployment []byte) error
	Refresh(context.Context) error
	Taint(ctx context.Context, urn string) error  // the next up replaces the resource
	Delete(ctx context.Context, urn string) error // from the cloud and the state
	Cancel(context.Context) error                 // removes all locks of the stack
}

// Recovery repairs one stack.
type Recovery struct {
	Name  string // of the stack, for messages
	Stack Stack
	// Locks returns who has locked the stack. Ok is false if only a command that needs the lock can tell.
	Locks func(context.Context) (locks []Lock, ok bool, err error)
	// Unlock removes the locks of processes on other machines, too.
	Unlock bool
	// Orphans returns the plugins that an engine that was killed has left; nil looks for none.
	Orphans func(context.Context) ([]Orphan, error)
	// Cloud returns the services of a region, "" for the stack's own. It is called if a resource has to be looked for.
	Cloud func(ctx context.Context, region string) (ocirest.Getter, error)
	// Confirm asks whether to do what was printed.
	Confirm func() (bool, error)
	Out     io.Writer
}

// ErrDeclined is the error if Confirm answered no.
var ErrDeclined = errors.New("nothing was changed")

// findings are what a killed or failed command has left.
type findings struct {
	locks      []Lock
	orphans    []Orphan
	exported   []byte
	state      deployment
	pending    []object // operations
	created    []*creation
	clusters   []object         // in state FAILED
	balancers  []failedBalancer // in state FAILED
	unfinished []object
}

func (f findings) none() bool {
	return len(f.locks)+len(f.orphans)+len(f.pending)+len(f.clusters)+len(f.balancers)+len(f.unfinished) == 0
}

// Run prints what is to be done, asks for the consent, and does it. It prints nothing if nothing is to be done, and
// returns false. It fails if another command is running.
func (r Recovery) Run(ctx context.Context) (found bool, err error) {
	f, err := r.look(ctx)
	if err != nil || f.none() {
		return false, err
	}
	r.show(f)
	switch yes, err := r.Confirm(); {
	case err != nil:
		return true, err
	case !yes:
		return true, ErrDeclined
	}
	if len(f.orphans) > 0 {
		if err := end(f.orphans); err != nil {
			return true, err
		}
		if f, err = r.look(ctx); err != nil { // until now they may have changed what OCI has
			return true, err
		}
	}
	return true, r.repair(ctx, f)
}

// look finds what is to be done. It changes nothing.
func (r Recovery) look(ctx context.Context) (f findings, err error) {
	locks, known, err := r.Locks(ctx)
	if err != nil {
		return f, err
	}
	if f.locks = locks; !known && r.Unlock {
		f.locks = []Lock{{}} // of whom, the backend does not tell
	} else if err := removable(r.Name, locks, r.Unlock); err != nil {
		return f, err
	}
	if r.Orphans != nil {
		if f.orphans, err = r.Orphans(ctx); err != nil {
			return f, err
		}
	}
	if f.exported, err = r.Stack.Export(ctx); err != nil {
		return f, err
	}
	if f.state, err = parse(f.exported); err != nil {
		return f, err
	}
	f.pending = f.state.pending()
	if f.created, err = r.creations(ctx, f.state); err != nil {
		return f, fmt.Errorf("look for resources of the last command: %w", err)
	}
	f.clusters, f.unfinished = f.state.failedClusters(), f.state.unfinished()
	if len(f.unfinished) > 0 {
		f.balancers, err = r.failedBalancers(ctx, f.state)
	}
	return f, err
}

// show prints the findings, and what is done about each.
func (r Recovery) show(f findings) {
	for _, lock := range f.locks {
		if lock.PID == 0 {
			r.printf("the stack's locks: remove them")
		} else {
			r.printf("locked by %s, which was killed: remove the lock", lock)
		}
	}
	for _, orphan := range f.orphans {
		r.printf("%s, still runs without its engine: end it", orphan)
	}
	if n := len(f.pending); n > 0 {
		r.printf("the last command was interrupted during %d operations", n)
	}
	byResource := map[string]*creation{}
	for _, c := range f.created {
		byResource[text(c.resource["urn"])] = c
	}
	for _, op := range f.pending {
		resource := child(op, "resource")
		action := "read it again"
		if c := byResource[text(resource["urn"])]; c != nil && text(op["type"]) == "creating" {
			action = c.action()
		}
		r.printf("  %s %s: %s", text(op["type"]), title(resource), action)
	}
	for _, resource := range f.unfinished {
		r.printf("  %s failed half-way: read it again\n      %s", title(resource), firstLine(reasons(resource)))
		failed := failure.Diagnostic{Resource: title(resource), Text: reasons(resource)}
		for _, f := range failure.Explain([]failure.Diagnostic{failed}, r.Name) {
			r.printf("    %s", strings.Join(f.Advice(), "\n      "))
		}
	}
	for _, cluster := range f.clusters {
		r.printf("  %s is in state FAILED, which OKE never leaves: the next up replaces it", title(cluster))
	}
	r.showBalancers(f.balancers)
}

func (r Recovery) showBalancers(balancers []failedBalancer) {
	for _, b := range balancers {
		r.printf("  %s: its load balancer is in state FAILED, which OKE never leaves: delete the Service, the next up makes "+
			"it again\n      %s", title(b.service), b.id)
	}
}

// action says what is done about a creation.
func (c *creation) action() string {
	switch {
	case c.id == "":
		return "it does not exist; the next up creates it"
	case c.search == nil:
		return "add it to the state if it exists"
	case c.pending():
		return fmt.Sprintf("it exists and is %s; wait, and add it to the state\n      %s", c.state, c.id)
	}
	return "it exists; add it to the state\n      " + c.id
}

func (r Recovery) printf(format string, args ...any) { fmt.Fprintf(r.Out, "  "+format+"\n", args...) }

// repair does what was shown. Whatever ends it, it can be run again.
func (r Recovery) repair(ctx context.Context, f findings) error {
	if len(f.locks) > 0 {
		if err := r.Stack.Cancel(ctx); err != nil {
			return err
		}
	}
	if len(f.pending) > 0 {
		if err := r.complete(ctx, f); err != nil {
			return err
		}
	}
	// The refresh also removes what failed half-way: the official provider deletes a node pool whose creation failed, and
	// keeps it in the state.
	if len(f.pending)+len(f.unfinished) > 0 {
		if err := r.Stack.Refresh(ctx); err != nil {
			return err
		}
	}
	return r.giveUp(ctx, f)
}

// complete adds the resources that a killed command had requested and not yet recorded: the next up would create them a
// second time. (The CLI's own --import-pending-creates of v3.253.0 drops such operations and imports nothing.)
func (r Recovery) complete(ctx context.Context, f findings) error {
	for _, c := range f.created {
		if err := c.complete(ctx); err != nil {
			return fmt.Errorf("%s: %w", title(c.resource), err)
		}
	}
	now, err := r.Stack.Export(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, f.exported) {
		return fmt.Errorf("another command has changed stack %s meanwhile: its state stays as it is; run this again", r.Name)
	}
	completed, err := f.state.completed(f.created)
	if err != nil {
		return err
	}
	return r.Stack.Import(ctx, completed)
}

// giveUp marks failed clusters for replacement, and deletes the Services of failed load balancers: OKE keeps both and
// refuses to change them.
func (r Recovery) giveUp(ctx context.Context, f findings) error {
	exported, err := r.Stack.Export(ctx)
	if err != nil {
		return err
	}
	state, err := parse(exported)
	if err != nil {
		return err
	}
	for _, cluster := range state.failedClusters() {
		r.printf("%s is in state FAILED: the next up replaces it", title(cluster))
		if err := r.Stack.Taint(ctx, text(cluster["urn"])); err != nil {
			return err
		}
	}
	balancers := f.balancers
	if len(f.pending)+len(f.unfinished) > 0 { // the refresh may have brought more
		if balancers, err = r.failedBalancers(ctx, state); err != nil {
			return err
		}
	}
	for _, b := range balancers {
		r.printf("delete %s, whose load balancer is in state FAILED", title(b.service))
		if err := r.Stack.Delete(ctx, text(b.service["urn"])); err != nil {
			return err
		}
	}
	return nil
}

// Advice returns what to do about an error of a command that found the stack locked, or "".
func (r Recovery) Advice(err error) string {
	locks := LocksIn(err.Error())
	switch {
	case len(locks) > 0:
		if err := removable(r.Name, locks, false); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("stack %s is locked by %s, which was killed: add --unlock", r.Name, locks[0])
	case strings.Contains(err.Error(), "[409] Conflict"): // Pulumi Cloud
		return fmt.Sprintf("stack %s is in use by another update: wait until it has ended; if it was killed, add --unlock",
			r.Name)
	}
	return ""
}
