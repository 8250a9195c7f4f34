"""The exchange on the wire, pure: signing, REST calls and answers, chat frames. Nothing here waits or reads a clock."""
