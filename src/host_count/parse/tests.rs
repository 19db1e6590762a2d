//! Outputs in the form that Asterisk prints them (res/res_pjsip/pjsip_cli.c, channels/chan_sip.c), of PBXes that
//! FreePBX has set up.

use super::*;
use crate::domain::host_count::AsteriskCommand::{PjsipShowEndpoints, SipShowPeers};

const HEADER: &str = "
 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
    I/OAuth:  <AuthId/UserName...........................................................>
        Aor:  <Aor............................................>  <MaxContact>
      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>
  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>
   Identify:  <Identify/Endpoint.........................................................>
        Match:  <criteria.........................>
    Channel:  <ChannelId......................................>  <State.....>  <Time.....>
        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>
==========================================================================================

";

/// Two extensions, one of them in a call; a trunk that is let in by a password, and one by address.
const ENDPOINTS: &str =
    " Endpoint:  2000/2000                                            In use        1 of inf
     InAuth:  2000-auth/2000
        Aor:  2000                                               1
      Contact:  2000/sip:2000@192.0.2.20:5060;ob           1a2b3c4d5e Avail        12.345
  Transport:  0.0.0.0-udp               udp      3     96  0.0.0.0:5060
   Identify:  2000-identify/2000
    Channel: PJSIP/2000-00000001/Dial                            Up            00:01:02
        Exten: 2001                      CLCID: \"Reception: front\" <2001>

 Endpoint:  2001/2001                                            Unavailable   0 of inf
     InAuth:  2001-auth/2001
    OutAuth:  2001-auth/2001
        Aor:  2001                                               1

 Endpoint:  442071838750/442071838750                            Not in use    0 of inf
     InAuth:  442071838750/442071838750
    OutAuth:  442071838750/442071838750
        Aor:  442071838750                                       0
      Contact:  442071838750/sip:442071838750@sip.example.co 5e4d3c2b1a Avail        20.000

 Endpoint:  anonymous                                            Unavailable   0 of inf

 Endpoint:  provider                                             Not in use    0 of inf
    OutAuth:  provider/account
        Aor:  provider                                           0
   Identify:  provider/provider
        Match: 203.0.113.5/32

";

fn pjsip(table: &str) -> Option<u64> {
    count(PjsipShowEndpoints, &format!("{HEADER}{table}"))
}

#[test]
fn extensions_are_told_from_trunks_and_from_anonymous() {
    assert_eq!(pjsip(&format!("{ENDPOINTS}\nObjects found: 5\n\n")), Some(2));
}

#[test]
fn an_older_asterisk_that_gives_no_total_is_believed() {
    assert_eq!(pjsip(ENDPOINTS), Some(2));
}

#[test]
fn a_table_that_lacks_what_its_total_promises_is_not_counted() {
    assert_eq!(pjsip(&format!("{ENDPOINTS}\nObjects found: 6\n")), None);
    assert_eq!(pjsip(&format!("{ENDPOINTS}\nObjects found: many\n")), None);
}

#[test]
fn no_endpoint_at_all_is_0() {
    assert_eq!(count(PjsipShowEndpoints, "No objects found.\n\n"), Some(0));
}

#[test]
fn whatever_else_is_no_table_of_endpoints() {
    for output in ["", "\n", "Endpoint:  2000/2000\n", "asterisk: unknown option\n", PEERS] {
        assert_eq!(count(PjsipShowEndpoints, output), None, "{output}");
    }
    let cut = HEADER.split_once("====").expect("a rule").0;
    assert_eq!(count(PjsipShowEndpoints, cut), None);
}

/// Two extensions, one not registered and one with a long user name; a trunk whose name is a number, one that
/// registers here, and one with a name in UTF-8.
const PEERS: &str = "\
Name/username             Host                                    Dyn Forcerport Comedia    ACL Port     Status      Description                      
2000/2000                 (Unspecified)                            D  Yes        Yes         A  0        UNKNOWN                                      
2001/a-long-user-name-of- 192.0.2.21                               D  Yes        Yes         A  5060     OK (12 ms)                                   
442071838750/442071838750 203.0.113.5                                 Yes        Yes            5060     OK (20 ms)                                   
branch/branch             192.0.2.77                               D  Yes        Yes            5060     OK (9 ms)                                    
B\u{fc}ro/trunk                203.0.113.6                                 Yes        Yes            5060     Unmonitored                                  
5 sip peers [Monitored: 3 online, 1 offline Unmonitored: 1 online, 0 offline]
";

#[test]
fn peers_that_register_here_under_a_number_are_extensions() {
    assert_eq!(count(SipShowPeers, PEERS), Some(2));
}

#[test]
fn peers_without_their_total_are_not_counted() {
    let (rows, _) = PEERS.split_once("5 sip peers").expect("a total");
    for output in [rows.to_owned(), format!("{rows}6 sip peers [Monitored"), String::new(), HEADER.into()] {
        assert_eq!(count(SipShowPeers, &output), None, "{output}");
    }
}

#[test]
fn no_peer_is_0() {
    let header = PEERS.lines().next().expect("a header");
    let none = "0 sip peers [Monitored: 0 online, 0 offline Unmonitored: 0 online, 0 offline]\n";
    assert_eq!(count(SipShowPeers, &format!("{header}\n{none}")), Some(0));
}

#[test]
fn a_driver_that_is_not_loaded_is_recognised() {
    let output =
        "No such command 'sip show peers' (type 'core show help sip show' for other possible commands)\n";
    assert!(is_unknown_command(output));
    assert!(!is_unknown_command(PEERS));
}
