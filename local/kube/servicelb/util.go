package servicelb

import (
	"iter"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func values[V any](m map[string]V) iter.Seq[V] { return maps.Values(m) }

// sameSet compares without regard to order.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (b *Balancer) allNodes() ([]*corev1.Node, error) { return b.nodes.List(labels.Everything()) }
