package kube

import (
	"encoding/json"
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

// podAddresses assigns each Pod an address of its node's range, or of the fallback range where nodes have none
// (VCN-native pod networking).
//
// kwok's own pool does not serve: it assigns another address each time that the same stage is retried, and it learns of
// the Pods from before a restart only while it already assigns addresses, theirs included.
type podAddresses struct {
	fallback netip.Prefix
	nodes    corelisters.NodeLister

	mu        sync.Mutex
	byAddress map[netip.Addr]types.UID
	byPod     map[types.UID]netip.Addr
}

// newPodAddresses uses OKE's default pods CIDR, 10.244.0.0/16, if podsCIDR is empty.
func newPodAddresses(podsCIDR string) *podAddresses {
	fallback, err := netip.ParsePrefix(podsCIDR)
	if err != nil {
		fallback = netip.MustParsePrefix("10.244.0.0/16")
	}
	return &podAddresses{
		fallback: fallback, byAddress: map[netip.Addr]types.UID{}, byPod: map[types.UID]netip.Addr{},
	}
}

// watch registers a with the factory's informers, before the factory starts.
func (a *podAddresses) watch(factory informers.SharedInformerFactory) error {
	a.nodes = factory.Core().V1().Nodes().Lister()
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { a.record(obj) },
		UpdateFunc: func(_, obj any) { a.record(obj) },
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

// record notes the address that a Pod has, or that a Pod which has ended has no more.
func (a *podAddresses) record(obj any) {
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
		a.releaseLocked(pod.UID)
		return
	}
	a.byAddress[ip], a.byPod[pod.UID] = pod.UID, ip
}

func (a *podAddresses) release(uid types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.releaseLocked(uid)
}

func (a *podAddresses) releaseLocked(uid types.UID) {
	if ip, ok := a.byPod[uid]; ok {
		delete(a.byPod, uid)
		delete(a.byAddress, ip)
	}
}

// podIPs is the template function PodIPs of the stages. Its argument is the Pod. A Pod that a virtual node does not run
// gets none, so that it does not start.
func (a *podAddresses) podIPs(object map[string]any) ([]string, error) {
	spec, _ := object["spec"].(map[string]any)
	metadata, _ := object["metadata"].(map[string]any)
	nodeName, _ := spec["nodeName"].(string)
	uid, _ := metadata["uid"].(string)
	node, err := a.nodes.Get(nodeName)
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod // the numbers of object are float64, which apimachinery's converter does not take
	text, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(text, &pod)
	}
	if err != nil {
		return nil, err
	}
	if why := whyNotRun(a.nodes, &pod); why != "" { // watchVirtualPods says it
		return nil, errors.New(why)
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
	ip, err := a.assign(types.UID(uid), prefix)
	return []string{ip.String()}, err
}

// assign returns the Pod's address, a free one of the prefix if it has none yet.
func (a *podAddresses) assign(uid types.UID, prefix netip.Prefix) (netip.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ip, ok := a.byPod[uid]; ok {
		return ip, nil
	}
	// The first address is the network's, the second the bridge's.
	for ip := prefix.Masked().Addr().Next().Next(); prefix.Contains(ip); ip = ip.Next() {
		if _, used := a.byAddress[ip]; !used {
			a.byAddress[ip], a.byPod[uid] = uid, ip
			return ip, nil
		}
	}
	return netip.Addr{}, errors.New("no address left in " + prefix.String())
}
