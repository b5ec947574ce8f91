package kube

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"

	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/ociclient"
)

// serveIdentity serves what OKE has at port 12250 of a cluster's endpoint until the control plane stops. Its
// certificate is the API server's: SDKs trust the authority that is mounted into Pods.
func (c *cluster) serveIdentity() error {
	listener, err := tunnel.Listen(c.socketPath("identity"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: c.identity(), ReadHeaderTimeout: 10 * time.Second}
	c.controllers.Go(func() {
		<-c.ctx.Done()
		server.Close()
	})
	go func() { // ends with Close
		err := server.ServeTLS(listener, c.pkiPath("apiserver.crt"), c.pkiPath("apiserver.key"))
		if !errors.Is(err, http.ErrServerClosed) {
			c.log.Error("workload identity", "cluster", c.state.Cluster.Name, "error", err)
		}
	}()
	return nil
}

// identity gives Pods security tokens of OCI for the tokens of their accounts (oci-go-sdk v65.129.0,
// common/auth/federation_client_oke_workload_identity.go, read November 2026).
func (c *cluster) identity() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /resourcePrincipalSessionTokens", func(w http.ResponseWriter, r *http.Request) {
		token, err := c.workloadToken(r)
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			http.Error(w, refused.message, refused.status)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			// The answer is base64 of JSON in quotation marks. The SDK cuts off the first and the last character of it, and
			// the first three of the token.
			inner, _ := json.Marshal(map[string]string{"token": "ST$" + token})
			fmt.Fprintf(w, "%q", base64.StdEncoding.EncodeToString(inner))
		}
	})
	return mux
}

// refusal is an answer with an error status.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

// workloadToken returns the security token for the key that a request names and the account whose token it has.
func (c *cluster) workloadToken(r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	var body struct{ PodKey string }
	if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&body); err != nil {
		return "", &refusal{http.StatusBadRequest, err.Error()}
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	review, err := c.api.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	namespace, account, err := serviceaccount.SplitUsername(review.Status.User.Username)
	if !review.Status.Authenticated || err != nil {
		return "", &refusal{http.StatusUnauthorized, "the token is not one of a service account of this cluster"}
	}
	return c.tradeIdentity(ctx, map[string]string{
		"namespace": namespace, "serviceAccount": account, "podKey": body.PodKey,
	})
}

// tradeIdentity asks the emulator for a workload's security token.
func (c *cluster) tradeIdentity(ctx context.Context, workload map[string]string) (string, error) {
	body, err := json.Marshal(workload)
	if err != nil {
		return "", err
	}
	url := c.cfg.OCIEndpoint + "/admin/clusters/" + c.state.Cluster.ID + "/workloadtokens"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct{ Token, Message string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("the emulator's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", &refusal{resp.StatusCode, answer.Message}
	}
	return answer.Token, nil
}

// autoscalerSession returns a client that acts as the autoscaler's Pods do, by their workload identity.
func (c *cluster) autoscalerSession(ctx context.Context) (*ociclient.Client, error) {
	key, err := common.PrivateKeyFromBytes([]byte(c.cfg.Credentials.PrivateKeyPEM), nil)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	token, err := c.tradeIdentity(ctx, map[string]string{
		"namespace": "kube-system", "serviceAccount": "cluster-autoscaler",
		"podKey": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	})
	if err != nil {
		return nil, err
	}
	return ociclient.NewSession(c.cfg.OCIEndpoint, c.cfg.Credentials, token)
}
