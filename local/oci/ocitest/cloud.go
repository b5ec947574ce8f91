// Package ocitest runs tests of the services on a whole local cloud, by signed requests.
package ocitest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/schema"
)

// Base paths of the APIs.
const (
	Core          = "/20160918" // Networking, Compute, Block Volume and Identity
	OKE           = "/20180222"
	LB            = "/20170115"
	NLB           = "/20200501"
	Bastion       = "/20210331"
	Logging       = "/20200531"
	Budget        = "/20190111"
	Monitoring    = "/20180401"
	Notifications = "/20181201"
	Certificates  = "/20210224"
	Vault         = "/20180608"
)

// Cloud is a local cloud under test.
type Cloud struct {
	T      *testing.T
	Server *oci.Server
	signer common.HTTPRequestSigner
	sleep  func(time.Duration) // passes the real service's time
}

// Run runs a test on an empty local cloud, or on the one in config.Dir, with the real service's durations unless config
// has a speed. The clock is the bubble's of testing/synctest: time passes when everything waits. In the end all
// resources must conform to the SDK's models.
func Run(t *testing.T, config oci.Config, test func(*Cloud)) {
	t.Helper()
	if config.Dir == "" {
		config.Dir = t.TempDir()
	}
	if config.Speed == 0 {
		config.Speed = 1
	}
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config)
		defer c.Server.Close()
		c.sleep = time.Sleep
		test(c)
		c.allConform()
	})
}

// RunFast runs a test that has subtests, which the bubble does not allow, on a very fast cloud.
func RunFast(t *testing.T, test func(*Cloud)) {
	t.Helper()
	c := open(t, oci.Config{Dir: t.TempDir(), Speed: 1e6})
	defer c.Server.Close()
	c.sleep = func(time.Duration) { c.waitIdle() }
	test(c)
}

func open(t *testing.T, config oci.Config) *Cloud {
	t.Helper()
	if err := os.WriteFile(filepath.Join(config.Dir, engine.KeyFile), shortKey(), 0o600); err != nil {
		t.Fatal(err)
	}
	srv, err := oci.New(config)
	if err != nil {
		t.Fatal(err)
	}
	creds := srv.Credentials()
	return &Cloud{T: t, Server: srv, signer: common.DefaultRequestSigner(common.NewRawConfigurationProvider(
		creds.Tenancy, creds.User, creds.Region, creds.Fingerprint, creds.PrivateKeyPEM, nil))}
}

// shortKey returns the key of all clouds: creating keys of the usual length took most of the tests' time.
var shortKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
})

// As returns the same cloud, whose requests another principal signs.
func (c *Cloud) As(who engine.Principal) *Cloud {
	c.T.Helper()
	key, err := common.PrivateKeyFromBytes(shortKey(), nil)
	if err != nil {
		c.T.Fatal(err)
	}
	token, err := c.Server.IssueToken(who, &key.PublicKey, time.Hour)
	if err != nil {
		c.T.Fatal(err)
	}
	other := *c
	other.signer = common.DefaultRequestSigner(session{"ST$" + token, key})
	return &other
}

// session is a key with the security token that names it.
type session struct {
	id  string
	key *rsa.PrivateKey
}

// KeyID implements common.KeyProvider.
func (s session) KeyID() (string, error) { return s.id, nil }

// PrivateRSAKey implements common.KeyProvider.
func (s session) PrivateRSAKey() (*rsa.PrivateKey, error) { return s.key, nil }

// Sleep passes the real service's time.
func (c *Cloud) Sleep(d time.Duration) { c.sleep(d) }

// waitIdle waits until no task is left, with a limit.
func (c *Cloud) waitIdle() {
	c.T.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if c.Server.Idle() {
			return
		}
	}
	c.T.Fatal("tasks do not end")
}

// Stored returns a resource's document as it is in the store.
func (c *Cloud) Stored(id string) engine.Doc {
	var doc engine.Doc
	_ = c.Server.View(func(t *engine.Tx) error { doc = t.Find(id).Doc.Clone(); return nil })
	return doc
}

// Conforms fails the test when a value is not an instance of the SDK's model.
func (c *Cloud) Conforms(model string, v any) {
	c.T.Helper()
	if d, ok := v.(engine.Doc); ok {
		v = map[string]any(d)
	}
	if err := schema.Check(model, v); err != nil {
		c.T.Errorf("answer is no %s: %v\n%v", model, err, v)
	}
}

// allConform compares everything in the store with the SDK's models. Buckets, and kinds that are not shown when they
// are deleted, have other fields in the store than in answers.
func (c *Cloud) allConform() {
	c.T.Helper()
	_ = c.Server.View(func(t *engine.Tx) error {
		for _, k := range c.Server.Kinds() {
			if k.Model == "" || k.States.Deleted == "" {
				continue
			}
			for _, r := range t.AllWithRemoved(k.Name) {
				var doc any
				text, _ := json.Marshal(r.Doc)
				_ = json.Unmarshal(text, &doc)
				c.Conforms(k.Model, doc)
			}
		}
		return nil
	})
}

// Kind returns the kind with that collection, such as "vcns".
func (c *Cloud) Kind(collection string) *engine.Kind {
	c.T.Helper()
	for _, k := range c.Server.Kinds() {
		if strings.HasSuffix(k.Path, "/"+collection) {
			return k
		}
	}
	c.T.Fatalf("no collection %s", collection)
	return nil
}

// NothingLeft fails the test if any resource is left.
func (c *Cloud) NothingLeft() {
	c.T.Helper()
	if left := c.Server.Inventory(); len(left) != 0 {
		c.T.Errorf("left over: %v", left)
	}
}
