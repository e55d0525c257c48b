"""From a folder of pictures to a model that ships. Needs the extra [train]; nothing that serves imports this room.

The shipped compact models, from the real data:

    outfit train prepare --data FOLDER       decode every picture once                                 cache.py
    outfit train compact --minutes 90        train image and text together, resumable at any step      compact.py
    outfit train export                      polish.py, calibration.py, release.py, export.py
    outfit train shots                       heads for shot tags, into the exported file               shot_heads.py
    outfit evaluate models --run FOLDER      measure on held-out products, write the card              card.py

A shop's own, from its pictures alone:

    outfit train shop FOLDER                 all in one: an encoder with its card, beside the shipped   shop.py

The same step by step, or for larger nets on a GPU:

    outfit tag; outfit split --pictures DIR  what trains, what tests, with a reason for each picture   catalogue_split.py
    outfit split FOLDER                      the same of a folder without a catalogue                  shots.py, manifest.py
    outfit train pretrain FOLDER             DINO self-distillation, no labels                         pretrain.py
    outfit train finetune FOLDER --loss L    over categories or products; four losses                  finetune.py
    outfit train compare                     which loss is better, all else equal                      comparison.py
    outfit models export compact             a tuned net as ONNX, int8 too                             encoder_export.py

Who is held out is decided by a hash of the product's id (split.py) and by nothing else.
"""
