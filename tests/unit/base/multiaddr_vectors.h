/* Multiaddrs in text and binary, and texts that are none.
 *
 * The first part of each list is from multiformats/go-multiaddr v0.16.1, multiaddr_test.go and
 * testdata/fuzz; the rest was found by running it side by side with this library. The binary and
 * canonical forms are what go-multiaddr makes of each text. */
#ifndef MULTIADDR_VECTORS_H
#define MULTIADDR_VECTORS_H

#include <stddef.h>

#define GARLIC64                                                                                   \
  "jT~IyXaoauTni6N4517EG8mrFUKpy0IlgZh-EY9csMAk82Odatmzr~YTZy8Hv7u~wvkg75EFNOyqb~nAPg-khy"         \
  "p2TS~ObUz8WlqYAM2VlEzJ7wJB91P-cUlKF18zSzVoJFmsrcQHZCirSbWoOknS6iNmsGRh5KVZsBEfp1Dg3gwT"         \
  "ipTRIx7Vl5Vy~1OSKQVjYiGZS9q8RL0MF~7xFiKxZDLbPxk0AK9TzGGqm~wMTI2HS0Gm4Ycy8LYPVmLvGonIBY"         \
  "ndg2bJC7WLuF6tVjVquiokSVDKFwq70BCUU5AU-EvdOD5KEOAM7mPfw-gJUG4tm1TtvcobrObqoRnmhXPTBTN5"         \
  "H7qDD12AvlwFGnfAlBXjuP4xOUAISL5SRLiulrsMSiT4GcugSI80mF6sdB0zWRgL1yyvoVWeTBn1TqjO27alr9"         \
  "5DGTluuSqrNAxgpQzCKEWAyzrQkBfo2avGAmmz2NaHaAvYbOg0QSJz1PLjv2jdPW~ofiQmrGWM1cd~1cCqAAAA"
#define GARLIC64_HEX                                                                               \
  "8d3fc8c976a86ae4e78ba378e75ec41bc9ab1542a9cb422581987e118f5cb0c024f3639d6ad9b3aff61367"         \
  "2f07bfbbbfc2f920ef910534ecaa6ff9c03e0fa4872a764d2fce6d4cfc5a5a9800cd95944cc9ef0241f753"         \
  "fe71494a175f334b35682459acadc4076428ab49b5a83a49d2ea2366b06461e4a559b0111fa750e0de0c13"         \
  "8a94d1231ed5979572ff53922905636221994bdabc44bd0c17fef11622b16432db3f193400af53cc61aa9b"         \
  "fc0c4c8d874b41a6e18732f0b60f5662ef1a89c80589dd8366c90bb58bb85ead56356aba2a244950ca170a"         \
  "bbd01094539014f84bdd383e4a10e00cee63dfc3e809506e2d9b54edbdca1bace6eaa119e68573d3053379"         \
  "1fba830f5d80be5c051a77c09415e3b8fe3139400848be5244b8ae96bb0c4a24f819cba0488f34985eac74"         \
  "1d3359180bd72cafa1559e4c19f54ea8cedbb6a5afde4319396eb92aab340c60a50cc2284580cb3ad09017"         \
  "e8d9abc60269b3d8d687680bd86ce834412273d4f2e3bf68dd3d6fe87e2426ac658cd5c77fd5c0aa000000"

typedef struct multiaddr_vector {
  const char *text;      /* As given. */
  const char *hex;       /* The binary form. */
  const char *canonical; /* As written; NULL: as given. */
} multiaddr_vector;

static const multiaddr_vector multiaddr_good[] = {
    {"/ip4/1.2.3.4", "0401020304", NULL},
    {"/ip4/0.0.0.0", "0400000000", NULL},
    {"/ip4/192.0.2.0/ipcidr/24", "04c00002002b18", NULL},
    {"/ip6/::1", "2900000000000000000000000000000001", NULL},
    {"/ip6/2601:9:4f81:9700:803e:ca65:66e8:c21", "29260100094f819700803eca6566e80c21", NULL},
    {"/ip6/2601:9:4f81:9700:803e:ca65:66e8:c21/udp/1234/quic",
     "29260100094f819700803eca6566e80c21910204d2cc03", NULL},
    {"/ip6/2601:9:4f81:9700:803e:ca65:66e8:c21/udp/1234/quic-v1",
     "29260100094f819700803eca6566e80c21910204d2cd03", NULL},
    {"/ip6/2001:db8::/ipcidr/32", "2920010db80000000000000000000000002b20", NULL},
    {"/ip6zone/x/ip6/fe80::1", "2a017829fe800000000000000000000000000001", NULL},
    {"/ip6zone/x%y/ip6/fe80::1", "2a0378257929fe800000000000000000000000000001", NULL},
    {"/ip6zone/x%y/ip6/::", "2a037825792900000000000000000000000000000000", NULL},
    {"/ip6zone/x/ip6/fe80::1/udp/1234/quic", "2a017829fe800000000000000000000000000001910204d2cc03",
     NULL},
    {"/ip6zone/x/ip6/fe80::1/udp/1234/quic-v1",
     "2a017829fe800000000000000000000000000001910204d2cd03", NULL},
    {"/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234",
     "bd03adadec040be047f9658668b11a504f3155001f231a37f54c4476c07fb4cc139ed7e30304d2", NULL},
    {"/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:80/http",
     "bd03adadec040be047f9658668b11a504f3155001f231a37f54c4476c07fb4cc139ed7e3030050e003", NULL},
    {"/garlic64/" GARLIC64, "be038303" GARLIC64_HEX, NULL},
    {"/garlic64/" GARLIC64 "/http", "be038303" GARLIC64_HEX "e003", NULL},
    {"/garlic64/" GARLIC64 "/udp/8080", "be038303" GARLIC64_HEX "91021f90", NULL},
    {"/garlic64/" GARLIC64 "/tcp/8080", "be038303" GARLIC64_HEX "061f90", NULL},
    {"/udp/0", "91020000", NULL},
    {"/tcp/0", "060000", NULL},
    {"/udp/1234", "910204d2", NULL},
    {"/tcp/1234", "0604d2", NULL},
    {"/udp/65535", "9102ffff", NULL},
    {"/tcp/65535", "06ffff", NULL},
    {"/ipfs/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b",
     "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"},
    {"/ipfs/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b",
     "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"},
    {"/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b", NULL},
    {"/p2p/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b",
     "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"},
    {"/p2p/bafzbeigvf25ytwc3akrijfecaotc74udrhcxzh2cx3we5qqnw5vgrei4bm",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b",
     "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"},
    {"/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV",
     "a503260024080112202d3de6d16ae87f7a933fe1552162a2d3f04951e90e8051e4ee2c18f002dd0fb4", NULL},
    {"/p2p/k51qzi5uqu5dhb6l8spkdx7yxafegfkee5by8h7lmjh2ehc2sgg34z7c15vzqs",
     "a503260024080112202d3de6d16ae87f7a933fe1552162a2d3f04951e90e8051e4ee2c18f002dd0fb4",
     "/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"},
    {"/p2p/bafzaajaiaejcalj543iwv2d7pkjt7ykvefrkfu7qjfi6sduakhso4lay6abn2d5u",
     "a503260024080112202d3de6d16ae87f7a933fe1552162a2d3f04951e90e8051e4ee2c18f002dd0fb4",
     "/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"},
    {"/tcp/1234/http", "0604d2e003", NULL},
    {"/tcp/1234/tls/http", "0604d2c003e003", NULL},
    {"/ipfs/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b0604d2",
     "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234"},
    {"/ipfs/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7/tcp/1234",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b0604d2",
     "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234"},
    {"/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b0604d2", NULL},
    {"/p2p/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7/tcp/1234",
     "a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b0604d2",
     "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234"},
    {"/ip4/127.0.0.1/udp/1234", "047f000001910204d2", NULL},
    {"/ip4/127.0.0.1/udp/0", "047f00000191020000", NULL},
    {"/ip4/127.0.0.1/tcp/1234", "047f0000010604d2", NULL},
    {"/ip4/127.0.0.1/tcp/1234/", "047f0000010604d2", "/ip4/127.0.0.1/tcp/1234"},
    {"/ip4/127.0.0.1/udp/1234/quic", "047f000001910204d2cc03", NULL},
    {"/ip4/127.0.0.1/udp/1234/quic-v1", "047f000001910204d2cd03", NULL},
    {"/ip4/127.0.0.1/udp/1234/quic-v1/webtransport", "047f000001910204d2cd03d103", NULL},
    {"/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/b2uaraocy6yrdblb4sfptaddgimjmm"
     "py",
     "047f000001910204d2cd03d103d20313d501103858f62230ac3c915f300c664312c63f",
     "/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/u1QEQOFj2IjCsPJFfMAxmQxLGPw"},
    {"/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/b2uaraocy6yrdblb4sfptaddgimjmm"
     "py/certhash/zQmbWTwYGcmdyK9CYfNBcfs9nhZs17a6FQ4Y8oea278xx41",
     "047f000001910204d2cd03d103d20313d501103858f62230ac3c915f300c664312c63fd203221220c3ab"
     "8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2",
     "/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/u1QEQOFj2IjCsPJFfMAxmQxLGPw/ce"
     "rthash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g"},
    {"/ip4/127.0.0.1/ipfs/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"},
    {"/ip4/127.0.0.1/ipfs/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d2",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234"},
    {"/ip4/127.0.0.1/ipfs/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"},
    {"/ip4/127.0.0.1/ipfs/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7/tcp/123"
     "4",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d2",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234"},
    {"/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b", NULL},
    {"/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d2",
     NULL},
    {"/ip4/127.0.0.1/p2p/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"},
    {"/ip4/127.0.0.1/p2p/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7/tcp/1234",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d2",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234"},
    {"/unix/a/b/c/d/e", "90030a2f612f622f632f642f65", NULL},
    {"/unix/stdio", "9003062f737464696f", NULL},
    {"/ip4/1.2.3.4/tcp/80/unix/a/b/c/d/e/f", "040102030406005090030c2f612f622f632f642f652f66",
     NULL},
    {"/ip4/127.0.0.1/ipfs/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234/unix/std"
     "io",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d29003062f737464696f",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234/unix/stdi"
     "o"},
    {"/ip4/127.0.0.1/ipfs/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7/tcp/123"
     "4/unix/stdio",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d29003062f737464696f",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234/unix/stdi"
     "o"},
    {"/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234/unix/stdi"
     "o",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d29003062f737464696f",
     NULL},
    {"/ip4/127.0.0.1/p2p/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7/tcp/1234"
     "/unix/stdio",
     "047f000001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
     "0604d29003062f737464696f",
     "/ip4/127.0.0.1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/tcp/1234/unix/stdi"
     "o"},
    {"/ip4/127.0.0.1/tcp/127/ws", "047f00000106007fdd03", NULL},
    {"/ip4/127.0.0.1/tcp/127/tls", "047f00000106007fc003", NULL},
    {"/ip4/127.0.0.1/tcp/127/tls/ws", "047f00000106007fc003dd03", NULL},
    {"/ip4/127.0.0.1/tcp/127/noise", "047f00000106007fc603", NULL},
    {"/ip4/127.0.0.1/tcp/127/wss", "047f00000106007fde03", NULL},
    {"/ip4/127.0.0.1/tcp/127/webrtc-direct", "047f00000106007f9802", NULL},
    {"/ip4/127.0.0.1/tcp/127/webrtc", "047f00000106007f9902", NULL},
    {"/http-path/tmp%2Fbar", "e10307746d702f626172", NULL},
    {"/http-path/tmp%2Fbar%2Fbaz", "e1030b746d702f6261722f62617a", NULL},
    {"/http-path/foo", "e10303666f6f", NULL},
    {"/ip4/127.0.0.1/tcp/0/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV/http-p"
     "ath/foo",
     "047f000001060000a503260024080112202d3de6d16ae87f7a933fe1552162a2d3f04951e90e8051e4ee"
     "2c18f002dd0fb4e10303666f6f",
     NULL},
    {"/ip4/127.0.0.1/tcp/443/tls/sni/example.com/http/http-path/foo",
     "047f0000010601bbc003c1030b6578616d706c652e636f6de003e10303666f6f", NULL},
    {"/unix/a/b/c/d", "9003082f612f622f632f64", NULL},
    {"/ip6/::ffff:127.0.0.1/tcp/111", "2900000000000000000000ffff7f00000106006f", NULL},
    {"/ip4/127.0.0.1/tcp/123", "047f00000106007b", NULL},
    {"/ip4/127.0.0.1/tcp/123/tls", "047f00000106007bc003", NULL},
    {"/ip4/127.0.0.1/udp/123", "047f0000019102007b", NULL},
    {"/ip4/127.0.0.1/udp/123/ip6/::", "047f0000019102007b2900000000000000000000000000000000", NULL},
    {"/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSw"
     "vo4PUo5YHFMrvDE8g",
     "047f000001910204d2cd03d103d203221220c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a"
     "3960714caef0c4f2",
     NULL},
    {"/p2p/QmbHVEEepCi7rn7VL7Exxpd2Ci9NNB6ifvqwhsrbRMgQFP",
     "a503221220c05877cbae039d70a5e600ea02c6f9f2942439285c9e344e26f8d280c850fad6", NULL},
    {"/p2p/QmbHVEEepCi7rn7VL7Exxpd2Ci9NNB6ifvqwhsrbRMgQFP/unix/a/b/c",
     "a503221220c05877cbae039d70a5e600ea02c6f9f2942439285c9e344e26f8d280c850fad69003062f61"
     "2f622f63",
     NULL},
    {"/ip4/127.0.0.1/tcp/4321", "047f0000010610e1", NULL},
    {"/ip4/127.0.0.1/udp/1234/ip4/127.0.0.1/tcp/4321", "047f000001910204d2047f0000010610e1", NULL},
    {"/ip4/::ffff:192.0.2.1/tcp/1", "04c0000201060001", "/ip4/192.0.2.1/tcp/1"},
    {"/ip6/192.0.2.1/tcp/1", "2900000000000000000000ffffc0000201060001",
     "/ip6/::ffff:192.0.2.1/tcp/1"},
    {"/ip6/::ffff:c000:201", "2900000000000000000000ffffc0000201", "/ip6/::ffff:192.0.2.1"},
    {"/ip6/::ffff:192.0.2.1/udp/9", "2900000000000000000000ffffc000020191020009", NULL},
    {"/ip6/::192.0.2.1", "29000000000000000000000000c0000201", "/ip6/::c000:201"},
    {"/ip6/64:ff9b::192.0.2.33", "290064ff9b0000000000000000c0000221", "/ip6/64:ff9b::c000:221"},
    {"/ip6/2001:DB8:0:0:1:0:0:1", "2920010db8000000000001000000000001", "/ip6/2001:db8::1:0:0:1"},
    {"/ip6/2001:0db8:0000:0000:0000:ff00:0042:8329", "2920010db8000000000000ff0000428329",
     "/ip6/2001:db8::ff00:42:8329"},
    {"/ip6/0:0:0:0:0:0:0:0", "2900000000000000000000000000000000", "/ip6/::"},
    {"/ip6/1:0:2:0:3:0:4:0", "2900010000000200000003000000040000", NULL},
    {"/ip6/1::8", "2900010000000000000000000000000008", NULL},
    {"/ip6/::2:3:4:5:6:7:8", "2900000002000300040005000600070008", "/ip6/0:2:3:4:5:6:7:8"},
    {"/ip6/1:2:3:4:5:6:7::", "2900010002000300040005000600070000", "/ip6/1:2:3:4:5:6:7:0"},
    {"/ip6/fe80:0:0:0:0:0:0:0", "29fe800000000000000000000000000000", "/ip6/fe80::"},
    {"/ip6/0:0:1:0:0:0:1:0", "2900000000000100000000000000010000", "/ip6/0:0:1::1:0"},
    {"/ip6/ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "29ffffffffffffffffffffffffffffffff",
     "/ip6/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"/ip6/1:2:3:4:5:6:192.0.2.1", "29000100020003000400050006c0000201",
     "/ip6/1:2:3:4:5:6:c000:201"},
    {"/tcp/00080", "060050", "/tcp/80"},
    {"/tcp/0000000000000000000000000000000000001", "060001", "/tcp/1"},
    {"/ip4/192.0.2.1/ipcidr/032", "04c00002012b20", "/ip4/192.0.2.1/ipcidr/32"},
    {"/dns/example.com", "350b6578616d706c652e636f6d", NULL},
    {"/dns4/node-01.do-ams3.wakuv2.test.status.im/tcp/8000/wss/p2p/16Uiu2HAmPLe7Mzm8TsYUub"
     "gCAW1aJoeFScxrLj8ppHFivPo97bUZ",
     "36256e6f64652d30312e646f2d616d73332e77616b7576322e746573742e7374617475732e696d061f40"
     "de03a50327002508021221039ebd374eea3befddf46bbb182e291fb719ee1b705b0b7802161038eb7da8"
     "a036",
     NULL},
    {"/dns6/example.com/tcp/443/tls/sni/example.com/ws",
     "370b6578616d706c652e636f6d0601bbc003c1030b6578616d706c652e636f6ddd03", NULL},
    {"/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
     "3813626f6f7473747261702e6c69627032702e696fa50322122006b3608aa000274049eb28ad8e793a26"
     "ff6fab281a7d3bd77cd18eb745dfaabb",
     NULL},
    {"/dns4/m\303\274nchen.example/tcp/1", "36106dc3bc6e6368656e2e6578616d706c65060001", NULL},
    {"/dns4/\360\237\230\200/tcp/1", "3604f09f9880060001", NULL},
    {"/sni/a%2fb", "c103056125326662", NULL},
    {"/ip6zone/eth0/ip6/fe80::1/tcp/60000", "2a046574683029fe80000000000000000000000000000106ea60",
     NULL},
    {"/certhash/z12Dtmcao6kxZTPnkRphi6TK6CoT8CQbkVnDj9abcaz1Ufbg2igkx",
     "d20326002478466469cb339916f62ccf961f58c3a2bd5617d1c0b1b11d2520bd49c3e45f1b00fdadc9",
     "/certhash/uACR4RmRpyzOZFvYsz5YfWMOivVYX0cCxsR0lIL1Jw-RfGwD9rck"},
    {"/certhash/f0000", "d203020000", "/certhash/uAAA"},
    {"/certhash/f000101", "d20303000101", "/certhash/uAAEB"},
    {"/p2p/z5AanNVJCxnSSsLjo4tuHNWSmYs3TXBgKWxVqdyNFgwb1br5PBWo14F",
     "a50326002408011220ac87a4de02347902596e088214d6448a0d9415e8fe08dd936f3a223c4933af7c",
     "/p2p/12D3KooWMRrFs4bBrGg7TEdY1n53K1nm6w4SDm1ZERnmqZcfQJrf"},
    {"/p2p/bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe",
     "a5032212209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9",
     "/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"},
    {"/p2p/f017212209b83d3f5b8a1f0e8a0a6c7d5a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3",
     "a5032212209b83d3f5b8a1f0e8a0a6c7d5a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3",
     "/p2p/QmYoiVVPWeMqV7W1ngdPbm2ert6hjnJvy4fjyABuTsfuh4"},
    {"/ip4/192.0.2.1/tcp/1/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC/p2p-circuit/"
     "p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV",
     "04c0000201060001a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68"
     "911c0ba202a503260024080112202d3de6d16ae87f7a933fe1552162a2d3f04951e90e8051e4ee2c18f0"
     "02dd0fb4",
     NULL},
    {"/onion3/VWW6YBAL4BD7SZMGNCYRUUCPGFKQAHZDDI37KTCEO3AH7NGMCOPNPYYD:1",
     "bd03adadec040be047f9658668b11a504f3155001f231a37f54c4476c07fb4cc139ed7e3030001",
     "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1"},
    {"/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:00080",
     "bd03adadec040be047f9658668b11a504f3155001f231a37f54c4476c07fb4cc139ed7e3030050",
     "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:80"},
    {"/http-path/a+b%20c", "e103056120622063", "/http-path/a+b+c"},
    {"/http-path/%00%ff%7e-_.~", "e1030700ff7e2d5f2e7e", "/http-path/%00%FF~-_.~"},
    {"/http-path/\303\251", "e10302c3a9", "/http-path/%C3%A9"},
    {"/http-path/!*'()", "e10305212a272829", "/http-path/%21%2A%27%28%29"},
    {"/unix//a//b///", "9003062f2f612f2f62", "/unix//a//b"},
    {"/unix/a/b/", "9003042f612f62", "/unix/a/b"},
    {"/unix/tcp/1", "9003062f7463702f31", NULL},
    {"/ip4/192.0.2.1/tcp/1//////", "04c0000201060001", "/ip4/192.0.2.1/tcp/1"},
    {"/ip4/192.0.2.1/udp/1/webrtc-direct/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHF"
     "MrvDE8g/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV",
     "04c0000201910200019802d203221220c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960"
     "714caef0c4f2a503260024080112202d3de6d16ae87f7a933fe1552162a2d3f04951e90e8051e4ee2c18"
     "f002dd0fb4",
     NULL},
    {"/ws", "dd03", NULL},
    {"/p2p-circuit", "a202", NULL},
    {"/http-path/%00%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13%14%15%16%17%"
     "18%19%1A%1B%1C%1D%1E%1F+%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F0123456789%3A%3B%3C"
     "%3D%3E%3F%40ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%"
     "7C%7D~%7F%80%81%82%83%84%85%86%87%88%89%8A%8B%8C%8D%8E%8F%90%91%92%93%94%95%96%97%98"
     "%99%9A%9B%9C%9D%9E%9F%A0%A1%A2%A3%A4%A5%A6%A7%A8%A9%AA%AB%AC%AD%AE%AF%B0%B1%B2%B3%B4"
     "%B5%B6%B7%B8%B9%BA%BB%BC%BD%BE%BF%C0%C1%C2%C3%C4%C5%C6%C7%C8%C9%CA%CB%CC%CD%CE%CF%D0"
     "%D1%D2%D3%D4%D5%D6%D7%D8%D9%DA%DB%DC%DD%DE%DF%E0%E1%E2%E3%E4%E5%E6%E7%E8%E9%EA%EB%EC"
     "%ED%EE%EF%F0%F1%F2%F3%F4%F5%F6%F7%F8%F9%FA%FB%FC%FD%FE%FF",
     "e1038002000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425"
     "262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f"
     "505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f70717273747576777879"
     "7a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3"
     "a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccd"
     "cecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7"
     "f8f9fafbfcfdfeff",
     NULL},
    {"/unix/a", "9003022f61", NULL},
    {"/dns4/ /tcp/1", "360120060001", NULL},
    {"/sctp/0", "84010000", NULL},
    {"/ip4/1.2.3.4/dccp/65535", "040102030421ffff", NULL},
    {"/ip4/1.2.3.4/udp/1/udt", "040102030491020001ad02", NULL},
    {"/ip4/1.2.3.4/udp/1/utp", "040102030491020001ae02", NULL},
    {"/ip4/1.2.3.4/tcp/1/https", "0401020304060001bb03", NULL},
    {"/ip4/1.2.3.4/tcp/1/plaintextv2", "0401020304060001e1d8c103", NULL},
    {"/ip4/1.2.3.4/tcp/1/http/p2p-webrtc-direct", "0401020304060001e0039402", NULL},
    {"/memory/0", "89060000000000000000", NULL},
    {"/memory/18446744073709551615", "8906ffffffffffffffff", NULL},
};

/* Valid, but of protocols that no libp2p address of ours carries: WPM_ERR_UNSUPPORTED. */
static const char *const multiaddr_unsupported[] = {
    "/onion/timaq4ygg2iegci7:1234",
    "/onion/timaq4ygg2iegci7:80/http",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuq",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuqzwas",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuqzwassw",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuq/http",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuq/tcp/8080",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuq/udp/8080",
    "/onion/aaimaq4ygg2iegci:80",
};

static const char *const multiaddr_bad[] = {
    "/ip4",
    "/ip4/::1",
    "/ip4/fdpsofodsajfdoisa",
    "/ip4/::/ipcidr/256",
    "/ip6/::/ipcidr/1026",
    "/ip6",
    "/ip6zone",
    "/ip6zone/",
    "/ip6zone//ip6/fe80::1",
    "/udp",
    "/tcp",
    "/sctp",
    "/memory",
    "/memory/-1",
    "/memory/18446744073709551616",
    "/udp/65536",
    "/tcp/65536",
    "/quic/65536",
    "/quic-v1/65536",
    "/onion/9imaq4ygg2iegci7:80",
    "/onion/aaimaq4ygg2iegci7:80",
    "/onion/timaq4ygg2iegci7:0",
    "/onion/timaq4ygg2iegci7:-1",
    "/onion/timaq4ygg2iegci7",
    "/onion/timaq4ygg2iegci@:666",
    "/onion3/9ww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:80",
    "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd7:80",
    "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:0",
    "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:-1",
    "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd",
    "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyy@:666",
    "/garlic64/" GARLIC64 "7:80",
    "/garlic64/" GARLIC64 ":0",
    "/garlic64/" GARLIC64 ":-1",
    "/garlic64/" GARLIC64 "@:666",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzu",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzu77",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzu:80",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuq:-1",
    "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzu@",
    "/udp/1234/sctp",
    "/udp/1234/udt/1234",
    "/udp/1234/utp/1234",
    "/ip4/127.0.0.1/udp/jfodsajfidosajfoidsa",
    "/ip4/127.0.0.1/udp",
    "/ip4/127.0.0.1/tcp/jfodsajfidosajfoidsa",
    "/ip4/127.0.0.1/tcp",
    "/ip4/127.0.0.1/quic/1234",
    "/ip4/127.0.0.1/quic-v1/1234",
    "/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash",
    ("/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/b2uaraocy6yrdblb4sfptaddgimjmm"
     "p"),
    "/ip4/127.0.0.1/ipfs",
    "/ip4/127.0.0.1/ipfs/tcp",
    "/ip4/127.0.0.1/p2p",
    "/ip4/127.0.0.1/p2p/tcp",
    "/unix",
    "/ip4/1.2.3.4/tcp/80/unix",
    "/ip4/1.2.3.4/tcp/-1",
    "/ip4/127.0.0.1/tcp/9090/http/p2p-webcrt-direct",
    "/",
    "/p2p/QmxoHT6iViN5xAjoz1VZ553cL31U9F94ht3QvWR1FrEbZY",
    "ip4/192.0.2.1",
    "//ip4/192.0.2.1",
    "/ip4/192.0.2.1//tcp/1",
    "/ip4/192.0.2.01",
    "/ip4/192.0.2",
    "/ip4/192.0.2.1.1",
    "/ip4/192.0.2.256",
    "/ip4/ 192.0.2.1",
    "/ip4/0xc0.0.2.1",
    "/ip4/::192.0.2.1",
    "/ip6/:::",
    "/ip6/1:::2",
    "/ip6/::1::",
    "/ip6/:1",
    "/ip6/1:",
    "/ip6/00001::",
    "/ip6/1:2:3:4:5:6:7",
    "/ip6/1:2:3:4:5:6:7:8:9",
    "/ip6/1:2:3:4:5:6:7:8::",
    "/ip6/::1:2:3:4:5:6:7:8",
    "/ip6/1:2:3:4:5:192.0.2.1",
    "/ip6/::192.0.2.1:1",
    "/ip6/::192.0.02.1",
    "/ip6/fe80::1%eth0",
    "/ip6/g::",
    "/ip6//tcp/1",
    "/tcp/+1",
    "/tcp/0x10",
    "/tcp/1_0",
    "/tcp/ 1",
    "/tcp/18446744073709551617",
    "/tcp//ws",
    "/ip4/192.0.2.1/ipcidr/256",
    "/ip4/192.0.2.1/ipcidr/-1",
    "/dns4//tcp/1",
    "/sni//sni/0",
    "/certhash/z",
    "/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8",
    "/certhash/EiDDq4",
    "/certhash/f122",
    "/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV1",
    "/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5m",
    "/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf50V",
    "/p2p/Qm11ps1111111111111111111111111111111",
    "/p2p/BAfZA2jA222222222222222222222222222222222222222222222222222222222",
    "/p2p/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl-",
    "/p2p/?unknownmultibase",
    "/p2p/k2jmtxwoe2phm1hbqp0e7nufqf6umvuu2e9qd7ana7h411a0haqj6i2z",
    "/http-path/%",
    "/http-path/%2",
    "/http-path/%zz",
    "/http-path//ws",
    "/IP4/192.0.2.1",
    "/ip4/192.0.2.1/TCP/1",
    "/foo",
    "/unix/",
    "/certhash/f1220aa",
    "/certhash/F1220DDA5F8D4F9CB3B0A6B8C0E6E7B3A28D0F5C6D7E8F901122334455667788990",
    "/certhash/mEiDDq4/xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g",
    "/certhash/BCIQGZ2H3N",
    "/p2p/BAFZAAJAIAEJCALLYU6KUPNAFXA4KFW3KL4UMGMRUUKV7MTK74FPYCVKDYBZKD2Y",
    "/http-path/a%2",
    "/http-path/aa%",
};

/* Malformed binary multiaddrs. */
static const char *const multiaddr_bad_hex[] = {
    "a503261224303030303030303030303030303030303030303030303030303030303030303030303030",
    "900306303030303030",
    "9003032f3030213030",
    "bd0330303030303030303030303030303030303030303030303030303030303030303030300000",
    "900306303030303030900306303030303030",
    "d20300",
    "3700",
    "bc03303030303030303030300000",
    "84e0ff00",
    "9003062f303030302f",
    "a50303300130",
    "a503221221c05877cbae039d70a5e600ea02c6f9f2942439285c9e344e26f8d280c850fad6",
};

#define VECTOR_COUNT(list) (sizeof(list) / sizeof((list)[0]))

#endif
