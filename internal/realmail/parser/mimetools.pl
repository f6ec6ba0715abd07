# Reads a message from standard input and writes what MIME::Parser sees as JSON.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Encode qw(decode);
use JSON::PP;
use Mail::Address;
use MIME::Parser;

sub header {
    my ($entity, $name) = @_;
    my $value = $entity->head->get($name, 0) // '';
    $value =~ s/\r?\n//g;
    return $value;
}

sub addresses {
    my ($entity, $name) = @_;
    return [map {
        my $phrase = $_->phrase;
        $phrase =~ s/^"(.*)"$/$1/;
        $phrase =~ s/\\(.)/$1/g;
        { Name => decode('MIME-Header', $phrase), Address => decode('UTF-8', $_->address) }
    } Mail::Address->parse(header($entity, $name))];
}

sub leaf {
    my ($entity) = @_;
    my $head = $entity->head;
    my $content = $entity->bodyhandle ? $entity->bodyhandle->as_string : '';
    my $text = '';
    if ($head->mime_type =~ m{^text/}) {
        $content =~ s/\r\n/\n/g;
        $text = decode($head->mime_attr('content-type.charset') || 'us-ascii', $content);
    }
    my $id = header($entity, 'Content-ID');
    $id =~ s/^\s*<|>\s*$//g;
    return {
        ContentType => lc $head->mime_type,
        Disposition => lc($head->mime_attr('content-disposition') // ''),
        Filename    => $head->recommended_filename // '',
        ContentID   => $id,
        SHA256      => sha256_hex($content),
        Text        => $text,
    };
}

sub leaves {
    my ($entity) = @_;
    return $entity->parts ? map { leaves($_) } $entity->parts : leaf($entity);
}

binmode STDIN;
my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->tmp_to_core(1);
$parser->extract_nested_messages(0);
my $message = $parser->parse(\*STDIN);
print JSON::PP->new->utf8->encode({
    Subject => decode('MIME-Header', header($message, 'Subject')),
    From    => addresses($message, 'From'),
    To      => addresses($message, 'To'),
    Cc      => addresses($message, 'Cc'),
    Parts   => [leaves($message)],
});
