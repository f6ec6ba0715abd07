package mailer_test

import (
	"context"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// leaf is a Sender without anything optional; checked is one that has a Check.
type leaf struct{ name string }

func (*leaf) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) { return nil, nil }

type checked struct{ leaf }

func (*checked) Check(context.Context) error { return nil }

type one struct {
	leaf
	inner mailer.Sender
}

func (o *one) Unwrap() mailer.Sender { return o.inner }

type many struct {
	leaf
	inner []mailer.Sender
}

func (m *many) Unwrap() []mailer.Sender { return m.inner }

type checkedMany struct{ many }

func (*checkedMany) Check(context.Context) error { return nil }

func TestFind(t *testing.T) {
	first, second := &checked{leaf{"first"}}, &checked{leaf{"second"}}
	outer := &checkedMany{many{inner: []mailer.Sender{first}}}
	tests := []struct {
		name string
		in   mailer.Sender
		want mailer.Checker
	}{
		{"itself", first, first},
		{"lacking", &leaf{}, nil},
		{"nil", nil, nil},
		{"one wrapper", &one{inner: first}, first},
		{"two wrappers", &one{inner: &one{inner: first}}, first},
		{"wrapper of nothing", &one{}, nil},
		{"wrapper comes before what it wraps", outer, outer},
		{"first of many", &many{inner: []mailer.Sender{first, second}}, first},
		{"first that has it", &many{inner: []mailer.Sender{&leaf{}, nil, second}}, second},
		{
			"depth first",
			&many{inner: []mailer.Sender{&one{inner: &many{inner: []mailer.Sender{&leaf{}, second}}}, first}},
			second,
		},
		{"many of none", &many{}, nil},
		{"many that lack it", &many{inner: []mailer.Sender{&leaf{}, &one{inner: &leaf{}}}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, found := mailer.Find[mailer.Checker](tt.in)
			if got != tt.want || found != (tt.want != nil) {
				t.Errorf("got %v, %v, want %v", got, found, tt.want)
			}
		})
	}
}

func TestFindConcreteType(t *testing.T) {
	inner := &leaf{"inner"}
	got, found := mailer.Find[*leaf](&many{inner: []mailer.Sender{&one{inner: inner}}})
	if !found || got != inner {
		t.Errorf("got %v, %v, want the inner sender", got, found)
	}
	if _, found := mailer.Find[mailer.Resolver](&one{inner: inner}); found {
		t.Error("found a Resolver where there is none")
	}
}
