package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// The functions below take one value of a flag. Package flag shows the value, in
// quotes, before their errors.

var errTwice = errors.New("is given twice")

func once(dst *string) func(string) error {
	return func(s string) error {
		if *dst != "" {
			return errTwice
		}
		*dst = s
		return nil
	}
}

func appendTo(list *[]string) func(string) error {
	return func(s string) error {
		*list = append(*list, s)
		return nil
	}
}

func addresses(list *[]mailer.Address) func(string) error {
	return func(s string) error {
		more, err := mailer.Addresses(s)
		*list = append(*list, more...)
		return err
	}
}

func author(from *mailer.Address) func(string) error {
	return func(s string) error {
		var list []mailer.Address
		switch err := addresses(&list)(s); {
		case err != nil:
			return err
		case len(list) != 1:
			return errors.New("is more than one address")
		case from.Address != "":
			return errTwice
		}
		*from = list[0]
		return nil
	}
}

func header(h *mailer.Header) func(string) error {
	return func(s string) error {
		name, value, found := strings.Cut(s, ":")
		if !found {
			return errors.New("is not of the form 'Name: value'")
		}
		h.Add(name, strings.Trim(value, " \t"))
		return nil
	}
}

func metadata(m *map[string]string) func(string) error {
	return func(s string) error {
		key, value, found := strings.Cut(s, "=")
		if !found {
			return errors.New("is not of the form key=value")
		}
		if _, given := (*m)[key]; given {
			return errTwice
		}
		if *m == nil {
			*m = make(map[string]string)
		}
		(*m)[key] = value
		return nil
	}
}

func attach(list *[]mailer.Attachment) func(string) error {
	return func(path string) error {
		*list = append(*list, mailer.Attachment{Name: filepath.Base(path), Content: mailer.File(path)})
		return checkFile(path)
	}
}

func inline(list *[]mailer.Attachment) func(string) error {
	return func(s string) error {
		cid, path, found := strings.Cut(s, "=")
		if !found || cid == "" {
			return errors.New("is not of the form CID=FILE")
		}
		*list = append(*list, mailer.Attachment{Name: filepath.Base(path), ContentID: cid, Content: mailer.File(path)})
		return checkFile(path)
	}
}

func file(dst *string) func(string) error {
	return func(path string) error {
		if *dst != "" {
			return errTwice
		}
		*dst = path
		return checkFile(path)
	}
}

// checkFile finds out before anything is sent that a file cannot be read. What is no
// regular file can often be opened only once, so it is not tried.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return pathless(err)
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return pathless(err)
	}
	return f.Close()
}

// pathless drops the path, which package flag shows already, in quotes.
func pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
