package containerengine_test

import (
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const (
	ours   = "ocid1.cluster.oc1.iad.aaaaours"
	theirs = "ocid1.cluster.oc1.iad.aaaatheirs"
	host   = "containerengine.us-ashburn-1.oraclecloud.com"
)

// request makes the URL of a token: signed now, by the local cloud's key with the identifier keyID.
type request struct {
	host, path, method, keyID string
	headers                   []string
}

func (q request) url(t *testing.T, c *ocitest.Cloud) *url.URL {
	t.Helper()
	creds := c.Server.Credentials()
	r, err := http.NewRequest(q.method, "https://"+q.host+q.path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	key, err := common.PrivateKeyFromBytes([]byte(creds.PrivateKeyPEM), nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := common.RequestSigner(named{q.keyID, key}, q.headers, nil)
	if err := signer.Sign(r); err != nil {
		t.Fatal(err)
	}
	r.URL.RawQuery = url.Values{
		"authorization": {r.Header.Get("Authorization")}, "date": {r.Header.Get("Date")},
	}.Encode()
	return r.URL
}

// named is a key with an identifier.
type named struct {
	id  string
	key *rsa.PrivateKey
}

func (n named) KeyID() (string, error)                  { return n.id, nil }
func (n named) PrivateRSAKey() (*rsa.PrivateKey, error) { return n.key, nil }

func encode(u *url.URL) string { return base64.URLEncoding.EncodeToString([]byte(u.String())) }

// review sends a token to the webhook of a cluster's API server.
func review(c *ocitest.Cloud, cluster, token string) (user engine.Doc, refusal string) {
	reply := c.Send("POST", "/admin/clusters/"+cluster+"/tokenreview", engine.Doc{"spec": engine.Doc{"token": token}},
		func(r *http.Request) { r.RemoteAddr = "127.0.0.1:1" })
	status := reply.Object().Sub("status")
	if !status.Flag("authenticated") {
		return nil, status.Str("error") + string(reply.Raw)
	}
	return status.Sub("user"), ""
}

func TestTokensAreReviewed(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		creds := c.Server.Credentials()
		mine := creds.Tenancy + "/" + creds.User + "/" + creds.Fingerprint
		good := request{host, "/cluster_request/" + ours, "GET", mine, common.DefaultGenericHeaders()}
		with := func(change func(*request)) string {
			q := good
			change(&q)
			return encode(q.url(t, c))
		}
		edited := func(old, replacement string) string {
			u := good.url(t, c)
			text := strings.Replace(u.String(), old, replacement, 1)
			if text == u.String() {
				t.Fatalf("no %q in %s", old, text)
			}
			return base64.URLEncoding.EncodeToString([]byte(text))
		}
		for _, test := range []struct{ name, token, want string }{
			{"good", encode(good.url(t, c)), ""},
			{"without padding", strings.TrimRight(encode(good.url(t, c)), "="), ""},
			{"newer host", with(func(q *request) { q.host = "containerengine.us-ashburn-1.oci.oraclecloud.com" }), ""},
			{"empty", "", "holds no URL"},
			{"no base64", "%%%", "not base64"},
			{"no URL", base64.URLEncoding.EncodeToString([]byte("::")), "holds no URL"},
			{"of another cluster", with(func(q *request) {
				q.path = "/cluster_request/" + theirs
			}), "token is for /cluster_request/"},
			{"of another region", with(func(q *request) {
				q.host = "containerengine.eu-frankfurt-1.oraclecloud.com"
			}), "not for Container Engine in us-ashburn-1"},
			{"path changed after signing", edited("cluster_request/"+ours, "cluster_request/%"+"6f"+ours[1:]), "does not match"},
			{"date changed after signing", edited("GMT", "UTC"), "holds no date"},
			{"another method", with(func(q *request) { q.method = "DELETE" }), "does not match"},
			{"without signature", encode(&url.URL{Scheme: "https", Host: host, Path: good.path}), "was not provided"},
			{"host not signed", with(func(q *request) {
				q.headers = []string{"date", "(request-target)"}
			}), "host is not signed"},
			{"another tenancy", with(func(q *request) {
				q.keyID = "ocid1.tenancy.oc1..other/" + creds.User + "/" + creds.Fingerprint
			}), "is not the local cloud's"},
			{"another user", with(func(q *request) {
				q.keyID = creds.Tenancy + "/ocid1.user.oc1..other/" + creds.Fingerprint
			}), "is not the local cloud's"},
			{"made-up security token", with(func(q *request) { q.keyID = "ST$e30.e30.e30" }), "security token is not valid"},
		} {
			user, refusal := review(c, ours, test.token)
			if test.want == "" && (user.Str("username") != oci.UserID || user.List("groups")[0] != "system:masters") {
				t.Errorf("%s: user %v, %s", test.name, user, refusal)
			}
			if test.want != "" && !strings.Contains(refusal, test.want) {
				t.Errorf("%s: user %v, refused with %q, want %q", test.name, user, refusal, test.want)
			}
		}
	})
}

// TestTokensExpire sends the same token again as time passes, and one from a clock that is wrong.
func TestTokensExpire(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		creds := c.Server.Credentials()
		mine := creds.Tenancy + "/" + creds.User + "/" + creds.Fingerprint
		good := request{host, "/cluster_request/" + ours, "GET", mine, common.DefaultGenericHeaders()}
		token := encode(good.url(t, c))
		for _, step := range []struct {
			after time.Duration
			want  string
		}{
			{0, ""},
			{4 * time.Minute, ""},
			{2 * time.Minute, "the clocks differ"},
			{4 * time.Minute, "the request's date is 10m0s off"},
		} {
			time.Sleep(step.after)
			_, refusal := review(c, ours, token)
			if (refusal == "") != (step.want == "") || !strings.Contains(refusal, step.want) {
				t.Errorf("%s later: refused with %q, want %q", step.after, refusal, step.want)
			}
		}
	})
}

// TestSecurityTokensAreReviewed expects the principal that a security token names, until it expires.
func TestSecurityTokensAreReviewed(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		key, err := common.PrivateKeyFromBytes([]byte(c.Server.Credentials().PrivateKeyPEM), nil)
		if err != nil {
			t.Fatal(err)
		}
		const instance = "ocid1.instance.oc1.iad.a"
		who := engine.Principal{ID: instance, Type: engine.InstancePrincipal}
		issued, err := c.Server.IssueToken(who, &key.PublicKey, 20*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		q := request{host, "/cluster_request/" + ours, "GET", "ST$" + issued, common.DefaultGenericHeaders()}
		user, refusal := review(c, ours, encode(q.url(t, c)))
		if user.Str("username") != instance || len(user.List("groups")) != 0 {
			t.Errorf("user %v, %s", user, refusal)
		}
		time.Sleep(20 * time.Minute)
		if user, refusal := review(c, ours, encode(q.url(t, c))); !strings.Contains(refusal, "token is expired") {
			t.Errorf("after its time: user %v, %s", user, refusal)
		}
	})
}

// TestReviewsAreForThisMachine expects others to be refused.
func TestReviewsAreForThisMachine(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		reply := c.Send("POST", "/admin/clusters/"+ours+"/tokenreview", engine.Doc{}, nil)
		if reply.Status != http.StatusForbidden {
			t.Errorf("%d %s", reply.Status, reply.Raw)
		}
	})
}
