package engine

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"oke-guestbook/local/ociclient"
)

// Files of the API key in the directory of the local cloud: a configuration of the OCI CLI and the SDKs with the
// profile DEFAULT, and its key.
const (
	ConfigFile = "config"
	KeyFile    = "key.pem"
)

// Credentials returns the API key that requests must be signed with.
func (e *Engine) Credentials() ociclient.Credentials { return e.creds }

// LoadCredentials returns the API key of the local cloud in dir, and creates it if there is none: a program that the
// cloud calls back needs it before the cloud has started.
func LoadCredentials(dir string) (ociclient.Credentials, error) {
	dir, err := makeDir(dir)
	if err != nil {
		return ociclient.Credentials{}, err
	}
	creds, _, err := credentials(dir)
	return creds, err
}

// credentials reads or creates the key in dir, and writes the configuration file.
func credentials(dir string) (ociclient.Credentials, *rsa.PublicKey, error) {
	keyFile := filepath.Join(dir, KeyFile)
	data, key, err := loadKey(keyFile)
	if err != nil {
		return ociclient.Credentials{}, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return ociclient.Credentials{}, nil, err
	}
	creds := ociclient.Credentials{
		Tenancy: TenancyID, User: UserID, Region: Region, Fingerprint: fingerprint(public), PrivateKeyPEM: string(data),
	}
	config := fmt.Sprintf("[DEFAULT]\nuser=%s\nfingerprint=%s\ntenancy=%s\nregion=%s\nkey_file=%s\n",
		creds.User, creds.Fingerprint, creds.Tenancy, creds.Region, keyFile)
	return creds, &key.PublicKey, writeFile(filepath.Join(dir, ConfigFile), []byte(config))
}

// loadKey reads the key in PEM form, or creates it.
func loadKey(file string) ([]byte, *rsa.PrivateKey, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(file)
	}
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, nil, fmt.Errorf("%s: no PEM block", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("%s: no RSA key", file)
	}
	return data, key, nil
}

func createKey(file string) ([]byte, *rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return data, key, writeFile(file, data)
}

// fingerprint is the MD5 digest of the public key in DER form, the name of OCI's API keys.
func fingerprint(der []byte) string {
	sum := md5.Sum(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02x", b)
	}
	return strings.Join(parts, ":")
}

// writeFile replaces the file as a whole, and only if the content differs.
func writeFile(name string, data []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
