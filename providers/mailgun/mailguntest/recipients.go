package mailguntest

import (
	"net/mail"
	"slices"
	"strings"
)

// maxRecipients counts to, cc and bcc together.
const maxRecipients = 1000

// addresses parses all values of a parameter; one address that is wrong fails all.
func (f *form) addresses(name string) ([]mail.Address, error) {
	var all []mail.Address
	for _, value := range f.values(name) {
		list, err := mail.ParseAddressList(value)
		if err != nil {
			return nil, notAnAddress(name)
		}
		for _, a := range list {
			all = append(all, *a)
		}
	}
	return all, nil
}

func notAnAddress(name string) error {
	return refuse("%s parameter is not a valid address. please check documentation", name)
}

// envelope makes the recipients one list without repetitions.
func envelope(lists ...[]mail.Address) ([]string, error) {
	seen := make(map[string]bool)
	var recipients []string
	for _, a := range slices.Concat(lists...) {
		if key := strings.ToLower(a.Address); !seen[key] {
			seen[key] = true
			recipients = append(recipients, a.Address)
		}
	}
	if len(recipients) > maxRecipients {
		return nil, refuse("Too many recipients, max is %d", maxRecipients)
	}
	return recipients, nil
}
