package kube

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube/blockvolume"
	"oke-guestbook/local/kube/imagepull"
	"oke-guestbook/local/kube/nodescaler"
	"oke-guestbook/local/kube/servicelb"
	"oke-guestbook/local/ociclient"
)

// startControllers starts the cluster's controllers that run in this process. They end with c.ctx.
func (c *cluster) startControllers() error {
	factory := informers.NewSharedInformerFactory(c.api, 0)
	pods := newPodAddresses(c.state.Cluster.PodsCIDR)
	if err := pods.watch(factory); err != nil {
		return err
	}
	if err := watchVirtualPods(c.ctx, c.api, factory); err != nil {
		return err
	}
	if c.cfg.DataPlane != nil {
		ender := namespaceEnder{api: c.api, scaled: func(d time.Duration) time.Duration { return c.cfg.scaled(d, 0) }}
		if err := ender.watch(c.ctx, factory, c.controllers.Go); err != nil {
			return err
		}
	}
	if c.cfg.OCIEndpoint != "" {
		if err := c.startCloudControllers(factory); err != nil {
			return err
		}
	}
	factory.Start(c.ctx.Done())
	if err := waitForSync(c.ctx, factory); err != nil {
		return err
	}
	c.controllers.Go(func() {
		<-c.ctx.Done()
		factory.Shutdown()
	})
	if c.cfg.DataPlane != nil {
		if err := c.forwardAPI(); err != nil {
			return err
		}
	}
	return c.startKwok(pods)
}

// waitForSync waits until the informers have listed the API server's objects.
func waitForSync(ctx context.Context, factory informers.SharedInformerFactory) error {
	for kind, ok := range factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("the informer of %v did not start", kind)
		}
	}
	return nil
}

// RegistryHosts returns the names of Container Registry in a region.
func RegistryHosts(region string) []string { return imagepull.Hosts(region, regionKey(region)) }

// startCloudControllers starts the controllers that call OCI: for load balancers, block volumes, the sizes of node
// pools, and the images of simulated nodes.
func (c *cluster) startCloudControllers(factory informers.SharedInformerFactory) error {
	oci, err := ociclient.NewSession(c.cfg.OCIEndpoint, c.cfg.Credentials, c.state.Cluster.Session)
	if err != nil {
		return fmt.Errorf("cloud controller: %w", err)
	}
	poll := c.cfg.scaled(2*time.Second, 50*time.Millisecond)
	runBalancers, err := servicelb.New(servicelb.Config{
		API: c.api, OCI: oci, Cluster: c.state.Cluster, Poll: poll,
	}, factory)
	if err != nil {
		return err
	}
	volumes, err := blockvolume.New(blockvolume.Config{
		API: c.api, OCI: oci, Cluster: c.state.Cluster, Kubelets: c.cfg.DataPlane != nil, Poll: poll,
		Log: c.log.With("cluster", c.state.Cluster.Name),
	}, factory)
	if err != nil {
		return err
	}
	scaler := nodescaler.New(nodescaler.Config{
		API: c.api, OCI: oci, Cluster: c.state.Cluster, Log: c.log.With("cluster", c.state.Cluster.Name),
		Session:  c.autoscalerSession,
		Scaled:   func(d time.Duration) time.Duration { return c.cfg.scaled(d, 0) },
		Template: func(n cloud.Node) *corev1.Node { return nodeObject(n, c.state.Cluster, c.cfg.Region) },
	}, factory)
	c.controllers.Go(func() { runBalancers(c.ctx) })
	c.controllers.Go(func() { volumes.Run(c.ctx) })
	c.controllers.Go(func() { scaler.Run(c.ctx) })
	if c.cfg.DataPlane != nil {
		return nil // containerd pulls
	}
	pulls, err := imagepull.New(imagepull.Config{
		API: c.api, Endpoint: c.cfg.OCIEndpoint, Hosts: RegistryHosts(c.cfg.Region),
		Scaled: func(d time.Duration) time.Duration { return c.cfg.scaled(d, 100*time.Millisecond) },
		Log:    c.log.With("cluster", c.state.Cluster.Name),
	}, factory)
	if err != nil {
		return fmt.Errorf("image pulls: %w", err)
	}
	c.controllers.Go(func() { pulls.Run(c.ctx) })
	return nil
}
