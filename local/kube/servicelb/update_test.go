package servicelb

import (
	"slices"
	"testing"
)

func TestChanges(t *testing.T) {
	backends := []backend{{IPAddress: "10.0.16.2", Port: 30080}, {IPAddress: "10.0.16.3", Port: 30080}}
	set := backendSet{Policy: "ROUND_ROBIN", Backends: backends}
	web := listener{DefaultBackendSetName: "TCP-80", Port: 80, Protocol: "TCP"}
	want := &spec{
		ShapeName: "100Mbps", NSGs: []string{"a", "b"},
		BackendSets: map[string]backendSet{"TCP-80": set}, Listeners: map[string]listener{"TCP-80": web},
	}
	lb := func() *loadBalancer {
		answer, l := set, web
		answer.Name, answer.Backends = "TCP-80", []backend{backends[1], backends[0]}
		l.Name, l.ConnectionConfiguration = "TCP-80", &connectionConfiguration{IdleTimeout: 300}
		return &loadBalancer{
			ID: "lb", ShapeName: "100Mbps", NSGs: []string{"b", "a"},
			BackendSets: map[string]backendSet{"TCP-80": answer}, Listeners: map[string]listener{"TCP-80": l},
		}
	}
	for name, test := range map[string]struct {
		edit func(*loadBalancer)
		want []string
	}{
		"order, names and the default idle timeout do not matter": {func(*loadBalancer) {}, nil},
		"shape and groups": {
			func(lb *loadBalancer) { lb.ShapeName, lb.NSGs = "400Mbps", nil },
			[]string{"PUT lb/updateShape", "PUT lb/networkSecurityGroups"},
		},
		"other backends": {
			func(lb *loadBalancer) { lb.BackendSets["TCP-80"] = backendSet{Policy: "ROUND_ROBIN"} },
			[]string{"PUT lb/backendSets/TCP-80"},
		},
		"another port": {
			func(lb *loadBalancer) {
				lb.BackendSets = map[string]backendSet{"TCP-8080": set}
				lb.Listeners = map[string]listener{"TCP-8080": {DefaultBackendSetName: "TCP-8080", Port: 8080, Protocol: "TCP"}}
			},
			[]string{
				"POST lb/backendSets", "DELETE lb/listeners/TCP-8080", "POST lb/listeners", "DELETE lb/backendSets/TCP-8080",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			have := lb()
			test.edit(have)
			var got []string
			for _, r := range changes(have, want) {
				got = append(got, r.method+" "+r.path[len(loadBalancerPath+"/"):])
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("requests %q, want %q", got, test.want)
			}
		})
	}
}
