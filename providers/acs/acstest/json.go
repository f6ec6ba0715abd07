package acstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth bounds how deep a body may be nested. The service has a bound that it does not name.
const maxDepth = 64

// decode returns the one JSON value in body, of map[string]any, []any, string, float64, bool and
// nil. A name that an object has twice is an error: what decoders make of it differs.
func decode(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	if !json.Valid(body) { // a decoder of tokens is less strict
		return nil, errors.New("the body is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	return decodeValue(d, 0)
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("the body is nested too deep")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeObject(d, depth)
	case json.Delim('['):
		return decodeArray(d, depth)
	}
	return token, nil
}

func decodeObject(d *json.Decoder, depth int) (any, error) {
	members := make(map[string]any)
	for d.More() {
		name, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		key := fmt.Sprint(name) // the decoder takes nothing but a string
		if _, there := members[key]; there {
			return nil, fmt.Errorf("the body has the member %q twice", key)
		}
		if members[key], err = decodeValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return members, err
}

func decodeArray(d *json.Decoder, depth int) (any, error) {
	items := []any{}
	for d.More() {
		item, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.Token()
	return items, err
}
