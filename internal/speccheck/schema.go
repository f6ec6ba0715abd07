package speccheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A correction mends an error of a description before it is used.
type correction struct {
	// path leads to the schema, from the root of the description.
	path []string
	with map[string]any
}

// compile returns the schema at path, a JSON pointer, of the OpenAPI description in file, which may refer to
// other files. Objects that list their properties are closed: a member with another name is an
// error.
func compile(file, path string, corrections ...correction) (*jsonschema.Schema, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	name := (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()
	doc, err := loader{}.Load(name)
	if err != nil {
		return nil, err
	}
	for _, c := range corrections {
		if err := c.apply(doc); err != nil {
			return nil, err
		}
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(loader{})
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, err
	}
	return compiler.Compile(name + "#" + path)
}

// A loader reads descriptions from files.
type loader struct{}

// Load implements [jsonschema.URLLoader].
func (loader) Load(name string) (any, error) {
	file, err := jsonschema.FileLoader{}.ToFile(name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	closeObjects(doc)
	return doc, nil
}

func (c *correction) apply(doc any) error {
	for _, name := range c.path {
		members, ok := doc.(map[string]any)
		if !ok || members[name] == nil {
			return fmt.Errorf("the description has no %s", strings.Join(c.path, "/"))
		}
		doc = members[name]
	}
	schema, ok := doc.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is no schema", strings.Join(c.path, "/"))
	}
	clear(schema)
	for name, value := range c.with {
		schema[name] = value
	}
	return nil
}

// closeObjects goes through all schemas in v.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		_, lists := v["properties"].(map[string]any)
		if _, says := v["additionalProperties"]; lists && !says && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, member := range v {
			closeObjects(member)
		}
	case []any:
		for _, item := range v {
			closeObjects(item)
		}
	}
}

// validate checks one JSON text.
func validate(schema *jsonschema.Schema, text []byte) error {
	if !json.Valid(text) {
		return fmt.Errorf("not JSON: %.200q", text)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}
