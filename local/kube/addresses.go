package kube

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// addresses gives each Pod an address of its node's range, or of the fallback range where nodes have none
// (VCN-native pod networking). It knows the addresses that Pods of a former run hold.
type addresses struct {
	fallback netip.Prefix
	nodes    corelisters.NodeLister

	mu    sync.Mutex
	owner map[netip.Addr]types.UID
	given map[types.UID]netip.Addr
}

// newAddresses falls back to OKE's default pods CIDR.
func newAddresses(podsCIDR string) *addresses {
	fallback, err := netip.ParsePrefix(podsCIDR)
	if err != nil {
		fallback = netip.MustParsePrefix("10.244.0.0/16")
	}
	return &addresses{fallback: fallback, owner: map[netip.Addr]types.UID{}, given: map[types.UID]netip.Addr{}}
}

// watch makes the factory's informers of nodes and Pods known to a, before the factory starts.
func (a *addresses) watch(factory informers.SharedInformerFactory) error {
	a.nodes = factory.Core().V1().Nodes().Lister()
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { a.hold(obj) },
		UpdateFunc: func(_, obj any) { a.hold(obj) },
		DeleteFunc: func(obj any) {
			if last, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = last.Obj
			}
			if pod, ok := obj.(*corev1.Pod); ok {
				a.release(pod.UID)
			}
		},
	})
	return err
}

func (a *addresses) hold(obj any) {
	pod, ok := obj.(*corev1.Pod)
	if !ok || pod.Spec.HostNetwork {
		return
	}
	ip, err := netip.ParseAddr(pod.Status.PodIP)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		a.free(pod.UID) // its sandbox is gone
		return
	}
	a.owner[ip], a.given[pod.UID] = pod.UID, ip
}

func (a *addresses) release(uid types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free(uid)
}

func (a *addresses) free(uid types.UID) {
	if ip, ok := a.given[uid]; ok {
		delete(a.given, uid)
		delete(a.owner, ip)
	}
}

// forPod is the template function PodIPs: the addresses of a Pod, given as the template's object.
func (a *addresses) forPod(object map[string]any) ([]string, error) {
	spec, _ := object["spec"].(map[string]any)
	metadata, _ := object["metadata"].(map[string]any)
	nodeName, _ := spec["nodeName"].(string)
	uid, _ := metadata["uid"].(string)
	node, err := a.nodes.Get(nodeName)
	if err != nil {
		return nil, err
	}
	if host, _ := spec["hostNetwork"].(bool); host {
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				return []string{address.Address}, nil
			}
		}
		return nil, fmt.Errorf("node %s has no address", nodeName)
	}
	prefix := a.fallback
	if node.Spec.PodCIDR != "" {
		if prefix, err = netip.ParsePrefix(node.Spec.PodCIDR); err != nil {
			return nil, err
		}
	}
	ip, err := a.take(types.UID(uid), prefix)
	return []string{ip.String()}, err
}

func (a *addresses) take(uid types.UID, prefix netip.Prefix) (netip.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ip, ok := a.given[uid]; ok {
		return ip, nil
	}
	// The first address is the network's, the second its bridge's.
	for ip := prefix.Masked().Addr().Next().Next(); prefix.Contains(ip); ip = ip.Next() {
		if _, taken := a.owner[ip]; !taken {
			a.owner[ip], a.given[uid] = uid, ip
			return ip, nil
		}
	}
	return netip.Addr{}, errors.New("no address left in " + prefix.String())
}

// synced waits until the informers hold what the API server holds.
func synced(ctx context.Context, factory informers.SharedInformerFactory) error {
	for kind, ok := range factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("the informer of %v did not start", kind)
		}
	}
	return nil
}
