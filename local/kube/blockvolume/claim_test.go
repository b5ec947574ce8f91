package blockvolume

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

func TestSizeInGB(t *testing.T) {
	for request, want := range map[string]int64{
		"1Gi": 50, "50Gi": 50, "50G": 50, "51Gi": 51, "50.5Gi": 51, "100G": 94, "1Ti": 1024,
	} {
		if got := sizeInGB(resource.MustParse(request)); got != want {
			t.Errorf("a request of %s makes %d GB, want %d", request, got, want)
		}
	}
}
