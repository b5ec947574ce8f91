package stackfile

import "testing"

func TestClear(t *testing.T) {
	config, err := Parse("Pulumi.test.yaml", []byte(`config:
  project:guestbooks:
    - {name: a, databasePassword: {secure: AAAB}}
    - {name: b, tlsPrivateKey: "-----BEGIN", databasePassword: ""}
  project:sealed: {secure: AAAB}
  short: [{key: text}]
`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"project:guestbooks[1].tlsPrivateKey":    true,
		"project:guestbooks[0].name":             true,
		"project:short[0].key":                   true,
		"project:guestbooks[0].databasePassword": false, // encrypted
		"project:guestbooks[1].databasePassword": false, // empty
		"project:guestbooks[0].tlsPrivateKey":    false, // not there
		"project:guestbooks[2].name":             false,
		"project:guestbooks":                     false, // no field
		"project:sealed[0].name":                 false, // encrypted as a whole
		"project:missing[0].name":                false,
	} {
		if got := Clear(config, path); got != want {
			t.Errorf("%s: %t, want %t", path, got, want)
		}
	}
}
