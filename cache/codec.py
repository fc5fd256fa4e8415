"""How bodies are kept: zstd, one reused compressor and decompressor a thread. No other bytes.

The first byte of a stored body's header names the form, so that a later form (another dictionary)
can stand beside what is there. Invariants: `unpack(*pack(body))` is `body`; what a form means never
changes, because stored bodies need it to be read.
"""

from __future__ import annotations

import threading

from ..errors import StoreError

PLAIN = 0  # as it is: too short to gain anything
ZSTD_V1 = 1  # with that dictionary

# A Note of 2.9 KB: 530 bytes in 18 us; without the dictionary 840 bytes in 20 us; at level 1 550
# bytes in 17 us.
_LEVEL = 3
_SHORT = 96  # below this the frame's own header eats the gain
_LARGEST = 64 << 20  # no body is nearly so large; a damaged length must not allocate more


class _Codec:
    """What one thread needs; contexts of zstd must not be shared between threads."""

    def __init__(self) -> None:
        import zstandard  # 3 ms that a program pays when it first reads a body

        self.error = zstandard.ZstdError
        # The checksum costs 4 bytes and tells a flipped bit from a body that is merely odd.
        words = zstandard.ZstdCompressionDict(WORDS_V1, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        words.precompute_compress(level=_LEVEL)
        self.compress = zstandard.ZstdCompressor(
            level=_LEVEL, dict_data=words, write_checksum=True
        ).compress
        self.decompress = zstandard.ZstdDecompressor(dict_data=words).decompress


class _Local(threading.local):
    codec: _Codec | None = None


_local = _Local()


def _codec() -> _Codec:
    codec = _local.codec
    if codec is None:
        codec = _local.codec = _Codec()
    return codec


def pack(body: bytes) -> tuple[int, bytes]:
    """The form and the bytes to store."""
    if len(body) < _SHORT:
        return PLAIN, body
    return ZSTD_V1, _codec().compress(body)


def unpack(form: int, stored: bytes) -> bytes:
    if form == PLAIN:
        return stored
    if form != ZSTD_V1:
        raise StoreError("", f"a body is in form {form}, which this version cannot read")
    codec = _codec()
    try:
        return codec.decompress(stored, max_output_size=_LARGEST)
    except codec.error as error:
        raise StoreError("", f"a body is damaged ({error})") from error


# What the JSON of one kind of server has in common: names of properties and the words that servers
# put around what people write, in the order in which they write them. Never content, since a
# dictionary outlives what is forgotten. What is used most stands last: near matches are shorter.
WORDS_V1 = b"".join(
    (
        # Contexts
        b'{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/v1",',
        b'"https://w3id.org/security/data-integrity/v1","https://w3id.org/identity/v1",',
        b'{"RsaSignature2017":"https://w3id.org/security#RsaSignature2017",',
        b'"pt":"https://joinpeertube.org/ns#","sc":"http://schema.org#","lemmy":',
        b'"https://join-lemmy.org/ns#","litepub":"http://litepub.social/ns#","misskey":',
        b'"https://misskey-hub.net/ns#","_misskey_summary":"misskey:_misskey_summary",',
        b'"fedibird":"http://fedibird.com/ns#","quoteUri":"fedibird:quoteUri","vcard":',
        b'"http://www.w3.org/2006/vcard/ns#","mz":"https://joinmobilizon.org/ns#",',
        b'"schema":"http://schema.org#","PropertyValue":"schema:PropertyValue","value":',
        b'"schema:value","manuallyApprovesFollowers":"as:manuallyApprovesFollowers","alsoKnownAs":',
        b'{"@id":"as:alsoKnownAs","@type":"@id"},"movedTo":{"@id":"as:movedTo","@type":"@id"},',
        b'"featured":{"@id":"toot:featured","@type":"@id"},"discoverable":"toot:discoverable",',
        b'"indexable":"toot:indexable","memorial":"toot:memorial","gts":',
        b'"https://gotosocial.org/ns#","interactionPolicy":{"@id":"gts:interactionPolicy",',
        b'"@type":"@id"},{"ostatus":"http://ostatus.org#","atomUri":"ostatus:atomUri",',
        b'"inReplyToAtomUri":"ostatus:inReplyToAtomUri","conversation":"ostatus:conversation",',
        b'"sensitive":"as:sensitive","toot":"http://joinmastodon.org/ns#","votersCount":',
        b'"toot:votersCount","Emoji":"toot:Emoji","blurhash":"toot:blurhash","focalPoint":',
        b'{"@container":"@list","@id":"toot:focalPoint"},"Hashtag":"as:Hashtag"}],',
        # Actors
        b'"type":"Application","type":"Service","type":"Organization","type":"Group",',
        b'"moderators":"https://","postingRestrictedToMods":false,"type":"Person","following":',
        b'"https://","followers":"https://","inbox":"https://","outbox":"https://","featured":',
        b'"https://","featuredTags":"https://","preferredUsername":"","name":"","summary":"",',
        b'"url":"https://","manuallyApprovesFollowers":false,"discoverable":true,"indexable":',
        b'false,"published":"2017-04-01T00:00:00Z","memorial":false,"devices":"https://',
        b'/collections/devices","publicKey":{"id":"https://#main-key","owner":"https://',
        b'","publicKeyPem":"-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A',
        b'MIIBCgKCAQEAIDAQAB\\n-----END PUBLIC KEY-----\\n"},"tag":[],"attachment":[',
        b'{"type":"PropertyValue",',
        b'"name":"","value":"<a href=\\"https://\\" target=\\"_blank\\" rel=\\"nofollow noopener',
        b' noreferrer me\\" translate=\\"no\\"><span class=\\"invisible\\">https://</span>',
        b'<span class=\\"ellipsis\\"></span></a>"}],"endpoints":{"sharedInbox":"https:///inbox"},',
        b'"icon":{"type":"Image","mediaType":"image/png","url":"https://"},"image":{"type":"Image"',
        # Events, pages, videos, articles
        b'"startTime":"2026-01-01T00:00:00+01:00","endTime":"2026-01-01T00:00:00+01:00",',
        b'"timezone":"Europe/Berlin","joinMode":"free","status":"CONFIRMED","commentsEnabled":true,',
        b'"anonymousParticipationEnabled":false,"maximumAttendeeCapacity":null,',
        b'"participantCount":0,"repliesModerationOption":"allow_all","ical:status":"CONFIRMED",',
        b'"isOnline":false,"draft":false,"location":{"type":"Place","name":"","latitude":,',
        b'"longitude":,"address":{"type":"PostalAddress","addressCountry":"","addressLocality":"",',
        b'"addressRegion":"","postalCode":"","streetAddress":""}},"duration":"PT0S","views":0,',
        b'"waitTranscoding":true,"state":1,"downloadEnabled":true,"originallyPublishedAt":null,',
        b'"category":{"identifier":"","name":""},"licence":{"identifier":"","name":""},"language":',
        b'{"identifier":"en","name":"English"},"uuid":"","support":null,"icon":[{"type":"Image",',
        b'"url":[{"type":"Link","mediaType":"text/html","href":"https://"},{"type":"Link",',
        b'"mediaType":"application/x-mpegURL","height":1080,"size":,"fps":30},"mediaType":',
        b'"video/mp4","distinguished":false,"stickied":false,"audience":"https:///c/","type":',
        b'"Page","type":"Video","type":"Article","type":"Event","type":"Question","oneOf":[{"type":',
        b'"Note","name":"","replies":{"type":"Collection","totalItems":0}}],"votersCount":0,',
        # Activities and notes
        b'"@language":"und"},"actor":"https:///users/","context":"https:///contexts/",',
        b'"quoteUrl":"https:///notes/","_misskey_content":"","_misskey_quote":"https://","source":',
        b'{"content":"","mediaType":"text/markdown"},"source":{"content":"","mediaType":',
        b'"text/x.misskeymarkdown"},"mediaType":"text/html","interactionPolicy":{"canLike":',
        b'{"always":["https://www.w3.org/ns/activitystreams#Public"],"approvalRequired":[],',
        b'"automaticApproval":[],"manualApproval":[]},"canReply":{},"canAnnounce":{},"canQuote":{',
        b'"signature":{"type":"RsaSignature2017","creator":"https://#main-key","created":"2026-",',
        b'"signatureValue":"=="},"type":"Announce","type":"Create","object":{"id":"https://',
        b'<p><span class=\\"h-card\\" translate=\\"no\\"><a href=\\"https:///@\\" class=\\"u-url',
        b' mention\\">@<span></span></a></span> <br />https://www.</span><a href=\\"https://\\"',
        b' rel=\\"nofollow noopener noreferrer\\" target=\\"_blank\\">',
        b'{"type":"Emoji","id":"https:///emojis/","name":"::","updated":"2026-",',
        b'{"type":"Mention","href":"https:///users/","name":"@","icon":{"type":"Image",',
        b'"attachment":[{"type":"Document","mediaType":"image/jpeg","url":"https:///system',
        b'/media_attachments/files/original/.jpeg","name":null,"blurhash":"","focalPoint":[0.0,0.0],',
        b'"width":,"height":}],"sensitive":true,"content":"<p></p>","contentMap":{"de":"<p>",',
        b'"updated":"2026-","inReplyTo":"https:///users//statuses/","inReplyToAtomUri":"https://',
        b'"atomUri":"https:///users//statuses/","inReplyToAtomUri":null,"conversation":"tag:,2026-',
        b':objectId=:objectType=Conversation","content":"<p>","contentMap":{"en":"<p>',
        b' <a href=\\"https:///tags/\\" class=\\"mention hashtag\\" rel=\\"tag\\">#<span></span>',
        b'</a></p>"},"attachment":[],"tag":[{"type":"Hashtag","href":"https:///tags/","name":"#"}],',
        b'"likes":{"id":"https:///likes","type":"Collection","totalItems":0},"shares":{"id":',
        b'"https:///shares","type":"Collection","totalItems":0},"replies":{"id":"https:///replies",',
        b'"type":"Collection","first":{"type":"CollectionPage","next":"https:///replies',
        b'?only_other_accounts=true&page=true","partOf":"https:///replies","items":[]}}}',
        b'{"id":"https:///users//statuses/11","type":"Note","summary":null,"inReplyTo":null,',
        b'"published":"2026-01-01T00:00:00Z","url":"https:///@/11","attributedTo":"https:///users/',
        b'","to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["https:///users//followers"',
        b'],"sensitive":false,',
    )
)
