package oci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"oke-guestbook/local/cloud"
)

// queueRestarts puts the start of every cluster whose control plane ran before whatever else waits for that cluster.
func (s *Server) queueRestarts() error {
	return s.update(func(t *tx) error {
		for i, r := range t.all("cluster") {
			started := func(k *task) bool { return k.Op == "clusterReady" && k.Target == r.ID }
			ran := r.state() == "ACTIVE" || r.state() == "UPDATING" || r.state() == "CREATING" && slices.ContainsFunc(slices.Collect(maps.Values(s.store.tasks)), started)
			if !ran {
				continue
			}
			done := make(chan error, 1)
			s.resumed = append(s.resumed, done)
			s.restarts[r.ID] = done
			t.added = append(t.added, &task{ID: -int64(i + 1), Due: t.now, Op: "clusterRestart", Target: r.ID, Key: r.ID})
		}
		return nil
	})
}

// restartCluster starts a control plane that ran before the daemon stopped, and hands it its nodes.
func restartCluster(ctx context.Context, s *Server, k *task) func(*tx) error {
	endpoints, err := s.start(ctx, k.Target, "")
	if err == nil && s.config.ControlPlane != nil {
		var nodes []cloud.Node
		_ = s.view(func(t *tx) error { nodes = t.clusterNodes(k.Target); return nil })
		err = s.config.ControlPlane.SyncNodes(ctx, k.Target, nodes)
	}
	return func(t *tx) error {
		select {
		case s.restarts[k.Target] <- err:
		default: // told already
		}
		if err != nil {
			return fmt.Errorf("cluster %s: %w", k.Target, err)
		}
		t.setEndpoints(t.edit(k.Target), endpoints)
		return nil
	}
}

// Resume waits until the control planes of the clusters that were active when the local cloud was last stopped have
// started again, and returns what went wrong.
func (s *Server) Resume(ctx context.Context) error {
	var errs []error
	for _, done := range s.resumed {
		select {
		case err := <-done:
			errs = append(errs, err)
		case <-ctx.Done():
			return errors.Join(append(errs, ctx.Err())...)
		case <-s.stopped:
			return errors.Join(append(errs, errors.New("the local cloud was closed"))...)
		}
	}
	s.resumed = nil
	return errors.Join(errs...)
}
