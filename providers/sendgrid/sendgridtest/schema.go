package sendgridtest

// sendShape is the body of POST /v3/mail/send (twilio/sendgrid-oai, tsg_mail_v3). In that
// description the custom_args at the top are a string by mistake, and sections, which
// substitutions need, are missing.
func sendShape() shape {
	integer, texts := shape{kind: isInteger}, textMap()
	return shape{kind: isObject, required: []string{"personalizations", "from"}, fields: map[string]shape{
		"personalizations":  list(personalizationShape(), 1, 1000),
		"from":              addressShape(),
		"reply_to":          addressShape(),
		"reply_to_list":     list(addressShape(), 1, 1000),
		"subject":           text(1, 0),
		"content":           list(contentShape(), 1, 0),
		"attachments":       list(attachmentShape(), 0, 0),
		"template_id":       text(1, 0),
		"headers":           texts,
		"sections":          texts,
		"categories":        list(text(0, 255), 0, 10),
		"custom_args":       texts,
		"send_at":           integer,
		"batch_id":          text(0, 0),
		"asm":               asmShape(),
		"ip_pool_name":      text(2, 64),
		"mail_settings":     mailSettingsShape(),
		"tracking_settings": trackingSettingsShape(),
	}}
}

func personalizationShape() shape {
	return shape{kind: isObject, required: []string{"to"}, fields: map[string]shape{
		"from":                  addressShape(),
		"to":                    list(addressShape(), 1, 0),
		"cc":                    list(addressShape(), 1, 1000),
		"bcc":                   list(addressShape(), 1, 1000),
		"subject":               text(1, 0),
		"headers":               textMap(),
		"substitutions":         textMap(),
		"dynamic_template_data": {kind: isObject},
		"custom_args":           textMap(),
		"send_at":               {kind: isInteger},
	}}
}

func addressShape() shape {
	return record([]string{"email"}, map[string]shape{"email": text(1, 320), "name": text(0, 0)})
}

func contentShape() shape {
	return record([]string{"type", "value"}, map[string]shape{"type": text(1, 0), "value": text(1, 0)})
}

func attachmentShape() shape {
	disposition := text(0, 0)
	disposition.oneOf = []string{"inline", "attachment"}
	return record([]string{"content", "filename"}, map[string]shape{
		"content": text(1, 0), "type": text(1, 0), "filename": text(1, 0), "disposition": disposition, "content_id": text(0, 0),
	})
}

func asmShape() shape {
	integer := shape{kind: isInteger}
	return record([]string{"group_id"}, map[string]shape{"group_id": integer, "groups_to_display": list(integer, 0, 25)})
}

func mailSettingsShape() shape {
	return record(nil, map[string]shape{
		"bypass_list_management":        setting(),
		"bypass_spam_management":        setting(),
		"bypass_bounce_management":      setting(),
		"bypass_unsubscribe_management": setting(),
		"footer":                        setting("text", "html"),
		"sandbox_mode":                  setting(),
	})
}

func trackingSettingsShape() shape {
	click := setting()
	click.fields["enable_text"] = shape{kind: isBool}
	return record(nil, map[string]shape{
		"click_tracking":        click,
		"open_tracking":         setting("substitution_tag"),
		"subscription_tracking": setting("text", "html", "substitution_tag"),
		"ganalytics":            setting("utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign"),
	})
}

// setting is something to enable, with further texts.
func setting(texts ...string) shape {
	s := record(nil, map[string]shape{"enable": {kind: isBool}})
	for _, name := range texts {
		s.fields[name] = text(0, 0)
	}
	return s
}

func record(required []string, fields map[string]shape) shape {
	return shape{kind: isObject, required: required, fields: fields}
}

func list(items shape, least, most int) shape {
	return shape{kind: isArray, items: &items, min: least, max: most}
}

func text(least, most int) shape { return shape{kind: isString, min: least, max: most} }

// textMap is an object of texts under any names.
func textMap() shape { return shape{kind: isObject, values: &shape{kind: isString}} }

// logsShape is the body of POST /v3/logs (tsg_logs_v3).
func logsShape() shape {
	return record(nil, map[string]shape{
		"query": text(0, 0), "limit": {kind: isInteger}, "subusers": list(text(0, 0), 0, 1),
	})
}
