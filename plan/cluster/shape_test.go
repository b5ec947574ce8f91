package cluster

import (
	"strings"
	"testing"
)

func TestCheckShape(t *testing.T) {
	for _, tc := range []struct {
		name          string
		ocpus, memory float64
		want          string // a value or a setting in the error; empty for none
	}{
		{"VM.Standard.A1.Flex", 2, 12, ""},
		{"VM.Standard.E4.Flex", 1, 64, ""},
		{"VM.Standard.E4.Flex", 2, 2, ""},
		{"VM.Standard2.1", 0, 0, ""},
		{"VM.Standard.A1.Flex", 0, 12, "ocpus"},
		{"VM.Standard.A1.Flex", -1, 12, "ocpus"},
		{"VM.Standard.A1.Flex", 2, 0, "2 to 128"},
		{"VM.Standard.E4.Flex", 2, 1.5, "2 to 128"},
		{"VM.Standard.E4.Flex", 1, 65, "1 to 64"},
		{"VM.Standard2.1", 1, 0, "ocpus"},
		{"A1.Flex", 1, 6, `"A1.Flex"`},
		{"", 1, 6, `""`},
	} {
		err := CheckShape(tc.name, tc.ocpus, tc.memory)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("CheckShape(%s, %v, %v) = %v, want %q", tc.name, tc.ocpus, tc.memory, err, tc.want)
		}
	}
}

func TestShapeKind(t *testing.T) {
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
		{"BM.GPU.A100-v2.8", false, false, true},
		{"BM.GPU.GB200-v2.4", false, true, true},
	} {
		if flexibleShape(tc.name) != tc.flex || ArmShape(tc.name) != tc.arm || GPUShape(tc.name) != tc.gpu {
			t.Errorf("%s: flexible %v, arm %v, GPU %v", tc.name, flexibleShape(tc.name), ArmShape(tc.name), GPUShape(tc.name))
		}
	}
}
