package shape

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name          string
		ocpus, memory float64
		want          string
	}{
		{"VM.Standard.A1.Flex", 2, 12, ""},
		{"VM.Standard.E4.Flex", 1, 64, ""},
		{"VM.Standard.E4.Flex", 2, 2, ""},
		{"VM.Standard2.1", 0, 0, ""},
		{"VM.Standard.A1.Flex", 0, 12, "needs ocpus"},
		{"VM.Standard.A1.Flex", -1, 12, "needs ocpus"},
		{"VM.Standard.A1.Flex", 2, 0, "memoryGb from 2 to 128"},
		{"VM.Standard.E4.Flex", 2, 1.5, "1 to 64 GB for each OCPU"},
		{"VM.Standard.E4.Flex", 1, 65, "memoryGb from 1 to 64"},
		{"VM.Standard2.1", 1, 0, "leave ocpus and memoryGb out"},
		{"A1.Flex", 1, 6, "is not a shape"},
		{"", 1, 6, "is not a shape"},
	} {
		err := Check(tc.name, tc.ocpus, tc.memory)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("Check(%s, %v, %v) = %v, want %q", tc.name, tc.ocpus, tc.memory, err, tc.want)
		}
	}
}

func TestKind(t *testing.T) {
	for _, tc := range []struct {
		name           string
		flex, arm, gpu bool
	}{
		{"VM.Standard.A1.Flex", true, true, false},
		{"BM.Standard.A1.160", false, true, false},
		{"VM.Standard.E5.Flex", true, false, false},
		{"VM.Standard3.Flex", true, false, false},
		{"VM.Standard2.1", false, false, false},
		{"VM.GPU.A10.1", false, false, true},
	} {
		if Flexible(tc.name) != tc.flex || Arm(tc.name) != tc.arm || GPU(tc.name) != tc.gpu {
			t.Errorf("%s: flexible %v, arm %v, GPU %v", tc.name, Flexible(tc.name), Arm(tc.name), GPU(tc.name))
		}
	}
}
