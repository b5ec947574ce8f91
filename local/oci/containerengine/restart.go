package containerengine

import (
	"context"
	"errors"
	"fmt"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
)

const taskRestart engine.Task[struct{}] = "cluster restart"

// queueRestarts queues the start of each control plane that ran before the daemon stopped, before all other tasks of
// its cluster.
func (s *Service) queueRestarts(t *engine.Tx) error {
	for _, r := range t.All(clusterKind) {
		started := r.State() == "CREATING" && taskClusterReady.Pending(t, r.ID)
		if r.State() != "ACTIVE" && r.State() != "UPDATING" && !started {
			continue
		}
		done := make(chan error, 1)
		s.resuming = append(s.resuming, done)
		s.restarts[r.ID] = done
		taskRestart.First(t, r.ID, r.ID, struct{}{})
	}
	return nil
}

// restart starts a control plane again, and gives it its nodes.
func (s *Service) restart(ctx context.Context, clusterID string, _ struct{}) func(*engine.Tx) error {
	endpoints, err := s.startPlane(ctx, clusterID, "")
	if err == nil {
		err = s.syncPlane(ctx, clusterID)
	}
	return func(t *engine.Tx) error {
		select {
		case s.restarts[clusterID] <- err:
		default: // the change could not be saved and is made again
		}
		if err != nil {
			return fmt.Errorf("cluster %s: %w", clusterID, err)
		}
		setEndpoints(t, t.Edit(clusterID), endpoints)
		return nil
	}
}

// syncPlane makes the control plane's nodes those of the cluster's node pools.
func (s *Service) syncPlane(ctx context.Context, clusterID string) error {
	if s.plane == nil {
		return nil
	}
	var nodes []cloud.Node
	err := s.e.View(func(t *engine.Tx) error {
		nodes = append(clusterNodes(t, clusterID), virtualNodes(t, clusterID)...)
		return nil
	})
	if err != nil {
		return err
	}
	return s.plane.SyncNodes(ctx, clusterID, nodes)
}

// Resume waits until the control planes that ran when the local cloud was last stopped have started again, and returns
// what went wrong.
func (s *Service) Resume(ctx context.Context) error {
	var errs []error
	for _, done := range s.resuming {
		select {
		case err := <-done:
			errs = append(errs, err)
		case <-ctx.Done():
			return errors.Join(append(errs, ctx.Err())...)
		case <-s.e.Stopped():
			return errors.Join(append(errs, errors.New("the local cloud was closed"))...)
		}
	}
	s.resuming = nil
	return errors.Join(errs...)
}
