package clustertoken

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// margin is how long a cached token must still be valid.
const margin = 30 * time.Second

// Cache keeps tokens in files that only the user can read.
type Cache struct{ Dir string }

// UserCache is the cache below the user's cache directory, such as ~/.cache/oke.
func UserCache() (Cache, error) {
	dir, err := os.UserCacheDir()
	return Cache{filepath.Join(dir, "oke")}, err
}

// path is the file of a token that is made with these inputs.
func (c Cache) path(inputs []string) string {
	sum := sha256.Sum256([]byte(strings.Join(inputs, "\x00")))
	return filepath.Join(c.Dir, hex.EncodeToString(sum[:16])+".json")
}

// Get returns the token of these inputs: the cached one, or one that is made and cached. A cache that cannot be read
// counts as empty.
func (c Cache) Get(inputs []string, now time.Time, sign func() (Token, error)) (Token, error) {
	path := c.path(inputs)
	var kept Token
	if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &kept) == nil {
		if left := kept.Expires.Sub(now); left > margin && left <= Lifetime {
			return kept, nil
		}
	}
	fresh, err := sign()
	if err != nil {
		return Token{}, err
	}
	data, err := json.Marshal(fresh)
	if err != nil {
		return Token{}, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return Token{}, err
	}
	file, err := os.CreateTemp(c.Dir, "*.new") // readable for its owner only
	if err != nil {
		return Token{}, err
	}
	_, err = file.Write(data)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return fresh, err
}
