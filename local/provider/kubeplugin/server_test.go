package kubeplugin

import (
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// The official plugin would update a provider whose inputs it does not have.
func TestInputsOfAProvider(t *testing.T) {
	framework, err := p.RawServer("kubernetes", Version, New())(nil)
	if err != nil {
		t.Fatal(err)
	}
	news, err := structpb.NewStruct(map[string]any{"enableSecretMutable": "true"})
	if err != nil {
		t.Fatal(err)
	}
	req := &pulumirpc.CheckRequest{
		Urn: "urn:pulumi:local::p::pulumi:providers:kubernetes::k", Olds: &structpb.Struct{}, News: news,
	}
	checked, err := server{framework}.CheckConfig(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got := checked.GetInputs().AsMap(); len(got) != 1 || got["enableSecretMutable"] == nil {
		t.Errorf("inputs %v", got)
	}
}
