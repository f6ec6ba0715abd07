package mailer

// Version is the version of this module, as adapters name it to providers.
const Version = "0.1.0-dev"
