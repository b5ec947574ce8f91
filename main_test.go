package main

import (
	"testing"

	"oke-guestbook/tests"
)

func TestStack(t *testing.T) { tests.Stack(t, deploy) }
