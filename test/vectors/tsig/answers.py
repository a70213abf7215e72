"""Makes answers.json: requests and answers signed by dnspython 2.3.0, at a fixed time.

    python3 test/vectors/tsig/answers.py > test/vectors/tsig/answers.json
"""
import json
import struct

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig
import dns.version

TIME = 1_700_000_000
SECRET = bytes((i * 5 + 1) % 256 for i in range(40))
SOA = "ns1.example.org. hostmaster.example.org. 7 7200 900 1209600 300"


def answer(rows, question=None):
    message = dns.message.Message(id=0x4A17)
    message.flags = 0x8400
    if question:
        message.question.append(
            dns.rrset.RRset(dns.name.from_text("example.org."), dns.rdataclass.IN, dns.rdatatype.from_text(question))
        )
    for name, kind, text in rows:
        owner = dns.name.from_text(name)
        rdata = dns.rdata.from_text("IN", kind, text)
        rrset = dns.rrset.from_rdata(owner, 3600, rdata)
        message.answer.append(rrset)
    return message.to_wire()


def template(key, wire, fudge, error=0, other=b""):
    return dns.rdtypes.ANY.TSIG.TSIG(
        dns.rdataclass.ANY,
        dns.rdatatype.TSIG,
        key.algorithm,
        TIME,
        fudge,
        b"",
        struct.unpack("!H", wire[:2])[0],
        error,
        other,
    )


def append(key, wire, rdata):
    octets = rdata.to_wire()
    record = key.name.to_wire() + struct.pack("!HHIH", 250, 255, 0, len(octets)) + octets
    return wire[:10] + struct.pack("!H", struct.unpack("!H", wire[10:12])[0] + 1) + wire[12:] + record


made = []
for bits in ("1", "224", "256", "384", "512"):
    key = dns.tsig.Key("key1.example.", SECRET, f"hmac-sha{bits}.")
    query = dns.message.make_query("example.org.", "AXFR", use_edns=0, payload=1232)
    query.id = 0x4A17
    wire = query.to_wire()
    rdata, _ = dns.tsig.sign(wire, key, template(key, wire, 300), TIME)
    request = append(key, wire, rdata)

    # One answer by itself: a SOA; and one that refuses for the time, with ours in the other data.
    single = answer([("example.org.", "SOA", SOA)], "SOA")
    signed, _ = dns.tsig.sign(single, key, template(key, single, 300), TIME, rdata.mac)
    late = template(key, single, 300, 18, struct.pack("!HI", 0, TIME + 1000))
    bad_time, _ = dns.tsig.sign(single, key, late, TIME, rdata.mac)

    # A transfer of five messages, of which the third is not signed.
    messages = [
        answer([("example.org.", "SOA", SOA)], "AXFR"),
        answer([("a.example.org.", "A", "192.0.2.1")]),
        answer([("b.example.org.", "A", "192.0.2.2")]),
        answer([("c.example.org.", "TXT", '"text"')]),
        answer([("example.org.", "SOA", SOA)]),
    ]
    chain = []
    context = None
    for i, message in enumerate(messages):
        if i == 2:
            context.update(message)
            chain.append(message)
            continue
        mac_of_request = rdata.mac if i == 0 else None
        one, context = dns.tsig.sign(
            message, key, template(key, message, 300), TIME + i, mac_of_request, context, True
        )
        chain.append(append(key, message, one))
    made.append(
        {
            "algorithm": f"hmac-sha{bits}",
            "request": request.hex(),
            "requestMac": rdata.mac.hex(),
            "answer": append(key, single, signed).hex(),
            "badTime": append(key, single, bad_time).hex(),
            "chain": [message.hex() for message in chain],
        }
    )
print(
    json.dumps(
        {
            "made": f"with test/vectors/tsig/answers.py and dnspython {dns.version.version}",
            "key": {"name": "key1.example", "secret": SECRET.hex()},
            "time": TIME,
            "sets": made,
        },
        indent=2,
    )
)
