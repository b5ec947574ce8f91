package kube

import (
	"k8s.io/client-go/informers"
)

// startControllers starts what runs in this process for the cluster; it ends with the cluster's context.
func (c *cluster) startControllers() error {
	factory := informers.NewSharedInformerFactory(c.api, 0)
	pods := newAddresses(c.state.Cluster.PodsCIDR)
	if err := pods.watch(factory); err != nil {
		return err
	}
	factory.Start(c.ctx.Done())
	if err := synced(c.ctx, factory); err != nil {
		return err
	}
	c.controllers.Go(func() {
		<-c.ctx.Done()
		factory.Shutdown()
	})
	return c.startNodeLife(pods)
}
