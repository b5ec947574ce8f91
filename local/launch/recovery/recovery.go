// Package recovery repairs a stack after a command was killed or failed half-way.
package recovery

import (
	"context"
	"encoding/json"
	"fmt"

	"oke-guestbook/local/launch/procinfo"
	"oke-guestbook/local/launch/progress"
)

// Stack is what recovery asks of Pulumi's CLI, for one stack.
type Stack interface {
	Export(context.Context) ([]byte, error)
	Import(ctx context.Context, deployment []byte) error
	Refresh(context.Context) error
	Taint(ctx context.Context, urn string) error
	Cancel(context.Context) error // removes all locks of the stack
}

// Recovery repairs one stack.
type Recovery struct {
	Name  string // of the stack, for messages
	Stack Stack
	Locks func() ([]int, error) // processes that have locked the stack
	// Adopt returns an exported deployment without its pending operations, and with the resources that they created.
	Adopt func(ctx context.Context, deployment []byte) ([]byte, error)
	Out   *progress.Printer
}

// Run removes the locks of killed processes and completes what they left. It fails if another command is running.
func (r Recovery) Run(ctx context.Context) error {
	if err := r.unlock(ctx); err != nil {
		return err
	}
	return r.complete(ctx)
}

// unlock removes the locks of processes that have ended. It asks first whose they are: `pulumi cancel` would take
// away the lock of a running command too.
func (r Recovery) unlock(ctx context.Context) error {
	pids, err := r.Locks()
	if err != nil || len(pids) == 0 {
		return err
	}
	for _, pid := range pids {
		if procinfo.Runs(pid, "pulumi") {
			return fmt.Errorf("stack %s is in use by process %d; wait until it has ended", r.Name, pid)
		}
	}
	for _, pid := range pids {
		r.Out.Printf("  remove the lock of process %d, which was killed", pid)
	}
	return r.Stack.Cancel(ctx)
}

// complete records the resources that a killed command had requested and not yet recorded: the next up would create
// them a second time. (The CLI's own --import-pending-creates of v3.253.0 drops such operations and imports nothing.)
// The refresh also removes what failed half-way: the official provider deletes a node pool whose creation failed, and
// keeps it in the state.
func (r Recovery) complete(ctx context.Context) error {
	exported, d, err := r.export(ctx)
	if err != nil {
		return err
	}
	switch pending, unfinished := len(d.Deployment.Pending), d.unfinished(); {
	case pending > 0:
		r.Out.Printf("  the last command was interrupted during %d operations; looking for their resources", pending)
		adopted, err := r.Adopt(ctx, exported)
		if err != nil {
			return fmt.Errorf("look for resources of the last command: %w", err)
		}
		if err := r.Stack.Import(ctx, adopted); err != nil {
			return err
		}
	case unfinished > 0:
		r.Out.Printf("  the last command left %d resources unfinished; refreshing the state", unfinished)
	default:
		return nil
	}
	if err := r.Stack.Refresh(ctx); err != nil {
		return err
	}
	return r.taintFailedClusters(ctx)
}

// taintFailedClusters marks failed clusters for replacement: OKE keeps them in state FAILED and refuses to change them.
func (r Recovery) taintFailedClusters(ctx context.Context) error {
	_, d, err := r.export(ctx)
	if err != nil {
		return err
	}
	for _, urn := range d.failedClusters() {
		r.Out.Printf("  %s is in state FAILED; it will be replaced", urn)
		if err := r.Stack.Taint(ctx, urn); err != nil {
			return err
		}
	}
	return nil
}

func (r Recovery) export(ctx context.Context) (raw []byte, d deployment, err error) {
	if raw, err = r.Stack.Export(ctx); err != nil {
		return nil, d, err
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, d, fmt.Errorf("exported state: %w", err)
	}
	return raw, d, nil
}

// deployment is the part of `pulumi stack export` that recovery reads.
type deployment struct {
	Deployment struct {
		Resources []struct {
			URN        string   `json:"urn"`
			Type       string   `json:"type"`
			InitErrors []string `json:"initErrors"` // why the last create or update failed half-way
			Outputs    struct {
				State any `json:"state"`
			} `json:"outputs"`
		} `json:"resources"`
		Pending []json.RawMessage `json:"pending_operations"`
	} `json:"deployment"`
}

// unfinished counts the resources whose last operation failed half-way.
func (d deployment) unfinished() (n int) {
	for _, r := range d.Deployment.Resources {
		if len(r.InitErrors) > 0 {
			n++
		}
	}
	return n
}

// failedClusters returns the URNs of the clusters in state FAILED.
func (d deployment) failedClusters() (urns []string) {
	for _, r := range d.Deployment.Resources {
		if r.Type == "oci:ContainerEngine/cluster:Cluster" && r.Outputs.State == "FAILED" {
			urns = append(urns, r.URN)
		}
	}
	return urns
}
