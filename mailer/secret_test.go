package mailer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/mailkeel/mailkeel/mailer"
)

const canary = "s3cr3t-CANARY-9f8e7d6c"

func TestSecretValue(t *testing.T) {
	s := mailer.NewSecret(canary)
	if s.Reveal() != canary || s.IsZero() {
		t.Errorf("Reveal gives %q, IsZero %v", s.Reveal(), s.IsZero())
	}
	if !s.Equal(mailer.NewSecret(canary)) || s.Equal(mailer.NewSecret("other")) || s.Equal(mailer.Secret{}) {
		t.Error("Equal does not compare values")
	}
	if empty := mailer.NewSecret(""); !empty.IsZero() || empty.Reveal() != "" || empty != (mailer.Secret{}) {
		t.Error("an empty value is not the zero Secret")
	}
	if got, err := s.Secret(context.Background()); err != nil || !got.Equal(s) {
		t.Errorf("as its own source: %v, %v", got, err)
	}
}

func TestSecretPlaceholders(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%s", "%d", "%x", "%q"} {
		if got := fmt.Sprintf(verb, mailer.NewSecret(canary)); got != "[redacted]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if got := fmt.Sprint(mailer.Secret{}); got != "" {
		t.Errorf("the zero Secret prints %q: that nothing is set should be seen", got)
	}
	data, err := json.Marshal(map[string]any{"set": mailer.NewSecret(canary), "unset": mailer.Secret{}})
	if want := `{"set":"[redacted]","unset":""}`; err != nil || string(data) != want {
		t.Errorf("JSON is %s, %v, want %s", data, err, want)
	}
}

func TestSecretFunc(t *testing.T) {
	refused := errors.New("vault is sealed")
	var source mailer.SecretSource = mailer.SecretFunc(func(ctx context.Context) (mailer.Secret, error) {
		if ctx.Err() != nil {
			return mailer.Secret{}, refused
		}
		return mailer.NewSecret("value"), nil
	})
	if s, err := source.Secret(context.Background()); err != nil || s.Reveal() != "value" {
		t.Errorf("got %q, %v", s.Reveal(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := source.Secret(ctx); err != refused {
		t.Errorf("got %v, want the function's error", err)
	}
}

// exported holds a value of every exported type of the package. A new type must be
// added here, so that the walker sees it.
var exported = map[string]any{
	"Address": mailer.Address{}, "Alternative": mailer.Alternative{}, "Attachment": mailer.Attachment{},
	"Attempt": mailer.Attempt{}, "Capabilities": mailer.Capabilities{}, "Capable": (*mailer.Capable)(nil),
	"Checker": (*mailer.Checker)(nil), "Closer": (*mailer.Closer)(nil), "Content": mailer.Content{},
	"DSN": mailer.DSN{}, "DSNNotify": mailer.DSNNotify(0), "Delivery": mailer.Delivery(0),
	"Feature": mailer.Feature(0), "Gate": (*mailer.Gate)(nil), "Header": mailer.Header{},
	"HeaderField": mailer.HeaderField{}, "Message": mailer.Message{}, "Named": (*mailer.Named)(nil), "Outcome": mailer.Outcome(0),
	"Phase": mailer.Phase(0), "Priority": mailer.Priority(0), "Receipt": mailer.Receipt{},
	"RecipientResult": mailer.RecipientResult{}, "Refresher": (*mailer.Refresher)(nil),
	"Resolver": (*mailer.Resolver)(nil), "Scope": mailer.Scope(0), "Secret": mailer.Secret{},
	"SecretFunc": mailer.SecretFunc(nil), "SecretSource": (*mailer.SecretSource)(nil),
	"SendError": mailer.SendError{}, "Sender": (*mailer.Sender)(nil), "Switch": mailer.Switch(0),
	"Template": mailer.Template{}, "Unsubscribe": mailer.Unsubscribe{},
}

func TestExportedTypesAreListed(t *testing.T) {
	declared := make(map[string]bool)
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range files {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			for _, typeName := range exportedTypes(t, name) {
				declared[typeName] = true
			}
		}
	}
	for name := range declared {
		if _, listed := exported[name]; !listed {
			t.Errorf("type %s is not in the list of what the walker prints", name)
		}
	}
	for name := range exported {
		if !declared[name] {
			t.Errorf("type %s is listed but not declared", name)
		}
	}
}

func exportedTypes(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, decl := range parsed.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			if name := spec.(*ast.TypeSpec).Name.Name; ast.IsExported(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// leaky is an error that holds a Secret, as the errors of a careless credential source may.
type leaky struct {
	Why string
	S   mailer.Secret
	s   mailer.Secret
	p   *mailer.Secret
}

func (e leaky) Error() string { return fmt.Sprintf("%s: %v %v", e.Why, e.s, e.S) }

// plant sets every exported field below v to something, and to a Secret with the
// canary wherever the type lets it. It reports whether it did.
func plant(v reflect.Value, depth int) (planted bool) {
	secret := mailer.NewSecret(canary)
	if depth > 6 || !v.CanSet() {
		return false
	}
	errorType := reflect.TypeFor[error]()
	switch {
	case v.Type() == reflect.TypeFor[mailer.Secret]():
		v.Set(reflect.ValueOf(secret))
		return true
	case v.Type() == errorType:
		v.Set(reflect.ValueOf(leaky{"why", secret, secret, &secret}))
		return true
	case v.Kind() == reflect.Interface && reflect.TypeFor[mailer.Secret]().AssignableTo(v.Type()):
		v.Set(reflect.ValueOf(secret))
		return true
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return plant(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return plant(v.Index(0), depth+1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		inKey, inValue := plant(key, depth+1), plant(value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
		return inKey || inValue
	case reflect.Struct:
		for i := range v.NumField() {
			planted = plant(v.Field(i), depth+1) || planted
		}
	}
	return planted
}

// The types of users hold Secrets in any way that Go has.
type (
	byValue       struct{ S mailer.Secret }
	byPointer     struct{ S *mailer.Secret }
	unexported    struct{ s mailer.Secret }
	pointerWithin struct{ s *mailer.Secret }
	embedded      struct{ mailer.Secret }
	asInterface   struct{ S any }
	asSource      struct{ s mailer.SecretSource }
	inMaps        struct {
		Values map[string]mailer.Secret
		Keys   map[mailer.Secret]string
		hidden map[string]mailer.Secret
	}
	inLists struct {
		Slice  []mailer.Secret
		Array  [2]mailer.Secret
		hidden []*mailer.Secret
	}
	tagged struct {
		Attr mailer.Secret `xml:"attr,attr" json:"attr"`
		Text mailer.Secret `xml:",chardata" json:"text"`
	}
	deep struct {
		A struct {
			b struct{ C []map[string]unexported }
		}
	}
)

func carriers() map[string]any {
	s := mailer.NewSecret(canary)
	var d deep
	d.A.b.C = []map[string]unexported{{"k": {s}}}
	return map[string]any{
		"secret": s, "pointer": &s, "by value": byValue{s}, "pointer to struct": &byValue{s}, "by pointer": byPointer{&s},
		"unexported": unexported{s}, "pointer to unexported": &unexported{s}, "pointer within": pointerWithin{&s},
		"embedded": embedded{s}, "interface": asInterface{s}, "source": asSource{s},
		"maps": inMaps{
			map[string]mailer.Secret{"k": s}, map[mailer.Secret]string{s: "v"}, map[string]mailer.Secret{"k": s},
		},
		"lists":  inLists{[]mailer.Secret{s}, [2]mailer.Secret{s, s}, []*mailer.Secret{&s}},
		"slice":  []mailer.Secret{s},
		"map":    map[string]any{"k": s, "p": &s},
		"tagged": tagged{s, s}, "deep": d, "error": leaky{"why", s, s, &s},
		"wrapped error": fmt.Errorf("login with %v: %w", s, &mailer.SendError{Err: leaky{"why", s, s, &s}}),
		"joined error":  errors.Join(leaky{"a", s, s, &s}, leaky{"b", s, s, &s}),
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	values := carriers()
	for name, v := range exported {
		p := reflect.New(reflect.TypeOf(v))
		plant(p.Elem(), 0)
		values["type "+name], values["pointer to type "+name] = p.Elem().Interface(), p.Interface()
	}
	for name, v := range values {
		for form, text := range renderings(v) {
			if hit := findCanary(text); hit != "" {
				t.Errorf("%s, %s: the %s value is in %.200q", name, form, hit, text)
			}
		}
	}
}

// The walker is worth something only if it finds what does leak.
func TestTheWalkerFindsLeaks(t *testing.T) {
	type careless struct{ Password string }
	hits := 0
	for _, text := range renderings(careless{canary}) {
		if findCanary(text) != "" {
			hits++
		}
	}
	if all := len(renderings(careless{})); hits < all-3 { // %t, %d and %p of a string say nothing
		t.Errorf("found in %d of %d renderings", hits, all)
	}
	var e mailer.SendError
	var m mailer.Message
	var s mailer.Receipt
	if !plant(reflect.ValueOf(&e).Elem(), 0) || !plant(reflect.ValueOf(&m).Elem(), 0) || plant(reflect.ValueOf(&s).Elem(), 0) {
		t.Error("a Secret fits into a SendError and a Message, and not into a Receipt")
	}
}

// renderings returns what v looks like wherever programs print and store values.
func renderings(v any) map[string]string {
	all := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		all[verb] = fmt.Sprintf(verb, v)
	}
	if data, err := json.Marshal(v); err != nil {
		all["json"] = err.Error()
	} else {
		all["json"] = string(data)
	}
	if data, err := xml.Marshal(v); err != nil {
		all["xml"] = err.Error()
	} else {
		all["xml"] = string(data)
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		b.WriteString(err.Error())
	}
	all["gob"] = b.String()
	all["slog text"] = logged(v, func(w *bytes.Buffer) slog.Handler { return slog.NewTextHandler(w, nil) })
	all["slog json"] = logged(v, func(w *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(w, nil) })
	var page strings.Builder
	if err := template.Must(template.New("").Parse("{{.}} {{printf `%#v` .}} {{js .}}")).Execute(&page, v); err != nil {
		page.WriteString(err.Error())
	}
	all["template"] = page.String()
	return all
}

func logged(v any, handler func(*bytes.Buffer) slog.Handler) string {
	var b bytes.Buffer
	slog.New(handler(&b)).With("with", v).WithGroup("group").Error("message", "value", v, slog.Group("inner", "value", v))
	return b.String()
}

// findCanary says in which form the canary stands in text, or returns "".
func findCanary(text string) string {
	spaced := strings.ToLower(fmt.Sprintf("% d", []byte(canary)))
	for form, value := range map[string]string{
		"plain": canary, "hex": hex.EncodeToString([]byte(canary)), "decimal": strings.Trim(spaced, "[]"),
		"base64": base64.RawStdEncoding.EncodeToString([]byte(canary))[:20],
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(value)) {
			return form
		}
	}
	return ""
}

// A panic prints its value and the arguments of every function on the stack.
func TestPanicDoesNotPrintASecret(t *testing.T) {
	const variable = "MAILER_TEST_PANIC"
	if which := os.Getenv(variable); which != "" {
		panicWith(carriers()[which])
	}
	for name := range carriers() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicDoesNotPrintASecret$")
		cmd.Env = append(os.Environ(), variable+"="+name, "GOTRACEBACK=all")
		out, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("panicWith")) {
			t.Fatalf("%s: no panic: %v\n%s", name, err, out)
		}
		if hit := findCanary(string(out)); hit != "" {
			t.Errorf("%s: the %s value is in the dump:\n%s", name, hit, out)
		}
	}
}

//go:noinline
func panicWith(v any) { panic(v) }

// What is printed cannot be read back as a credential.
func TestSecretCannotBeDecoded(t *testing.T) {
	var s mailer.Secret
	if err := json.Unmarshal([]byte(`"[redacted]"`), &s); err == nil || !s.IsZero() {
		t.Errorf("the placeholder was read as a Secret: %q, %v", s.Reveal(), err)
	}
}
