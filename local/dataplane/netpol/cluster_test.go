package netpol_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"oke-guestbook/local/dataplane/netpol"
	"oke-guestbook/plan/flows"
)

// enforces is the variable that makes this binary an enforcer, which reads the cluster's objects from its input.
const enforces = "ENFORCE_NETWORK_POLICIES"

const nodeName, namespace, component = "10.0.64.2", "guestbook", "app.kubernetes.io/component"

// objects are what the API server has.
type objects struct {
	Namespaces corev1.NamespaceList
	Pods       corev1.PodList
	Policies   networkingv1.NetworkPolicyList
}

func enforce() error {
	var cluster objects
	if err := json.NewDecoder(os.Stdin).Decode(&cluster); err != nil {
		return err
	}
	server := httptest.NewServer(cluster.handler())
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return netpol.Run(context.Background(), client, netpol.Config{Node: nodeName, Queue: 100, Log: log})
}

// handler lists the objects, which never change. It has no streaming lists, as an API server may.
func (o *objects) handler() http.Handler {
	mux := http.NewServeMux()
	for path, list := range map[string]any{
		"/api/v1/namespaces": o.Namespaces, "/api/v1/pods": o.Pods, "/apis/networking.k8s.io/v1/networkpolicies": o.Policies,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch {
			case r.FormValue("sendInitialEvents") != "":
				w.WriteHeader(http.StatusUnprocessableEntity)
				_ = json.NewEncoder(w).Encode(metav1.Status{
					TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
					Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity,
				})
			case r.FormValue("watch") != "":
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			default:
				_ = json.NewEncoder(w).Encode(list)
			}
		})
	}
	return mux
}

// objects returns the cluster: the Pods among the endpoints, and a guestbook's policies as the program makes them.
func (w *world) objects(policies []flows.Policy) objects {
	var all objects
	for _, name := range []string{namespace, "kube-system", "default"} {
		all.Namespaces.Items = append(all.Namespaces.Items, corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}},
		})
	}
	add := func(namespace, name string, labels map[string]string) {
		address := w.endpoints[name].Address.String()
		all.Pods.Items = append(all.Pods.Items, corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
			Spec:       corev1.PodSpec{NodeName: nodeName},
			Status: corev1.PodStatus{
				Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
			},
		})
	}
	for name, endpoint := range w.endpoints {
		if endpoint.Component != "" {
			add(namespace, name, map[string]string{component: endpoint.Component})
		}
	}
	add("kube-system", "dns", map[string]string{"k8s-app": "kube-dns"})
	// The labels of the frontend's Pods are of no use in another namespace.
	add("default", "foreign", map[string]string{component: flows.Frontend})
	for _, p := range policies {
		all.Policies.Items = append(all.Policies.Items, policy(p))
	}
	return all
}

func policy(p flows.Policy) networkingv1.NetworkPolicy {
	made := networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: p.Name},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: *selector(p.Component),
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		},
	}
	for _, f := range p.Ingress {
		rule := networkingv1.NetworkPolicyIngressRule{From: peers(f.From), Ports: on(f)}
		made.Spec.Ingress = append(made.Spec.Ingress, rule)
	}
	for _, f := range p.Egress {
		rule := networkingv1.NetworkPolicyEgressRule{To: peers(f.To), Ports: on(f)}
		made.Spec.Egress = append(made.Spec.Egress, rule)
	}
	return made
}

func selector(of string) *metav1.LabelSelector {
	if of == "" {
		return &metav1.LabelSelector{}
	}
	return &metav1.LabelSelector{MatchLabels: map[string]string{component: of}}
}

func peers(p flows.Peer) (list []networkingv1.NetworkPolicyPeer) {
	if p.DNS {
		return []networkingv1.NetworkPolicyPeer{{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: "kube-system"}},
			PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}},
		}}
	}
	for _, cidr := range p.CIDRs {
		list = append(list, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr, Except: p.Except}})
	}
	if len(list) == 0 {
		list = []networkingv1.NetworkPolicyPeer{{PodSelector: selector(p.Component)}}
	}
	return list
}

func on(f flows.Flow) (list []networkingv1.NetworkPolicyPort) {
	protocol := corev1.Protocol(f.Protocol)
	for _, number := range f.Ports {
		port := intstr.FromInt(number)
		list = append(list, networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &port})
	}
	return list
}
